//! `create-filelist`: prints the time list of the working directory; with `--names` the plain names,
//! for hosts without find.

use super::{Call, complain};
use crate::sandbox::filelist;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Runs the tool.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let mut out = BufWriter::new(io::stdout().lock());
    match call.args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => filelist::write_times(Path::new("."), &mut out)?,
        ["--names"] => filelist::write_names(Path::new("."), &mut out)?,
        _ => return complain(2, "usage: create-filelist [--names]"),
    }
    out.flush()?;
    Ok(0)
}
