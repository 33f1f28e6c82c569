//! `createrepo` and `modifyrepo`: the command lines of `createrepo_c` and `modifyrepo_c` that the scripts use,
//! over the sandbox's own metadata writer.
//!
//! Output and failures are those of `createrepo_c` 0.17. Options that change what is written are carried out;
//! those that only change how fast are accepted.

use super::{Call, complain};
use crate::sandbox::metadata::{
    Compression, CreaterepoOptions, ModifyrepoOptions, PackageCache, createrepo, modifyrepo,
    repomd::DistroTag,
};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `createrepo`.
pub(super) fn create(call: &Call<'_>) -> io::Result<u8> {
    let (dir, options) = match parse_create(&call.args) {
        Ok(parsed) => parsed,
        Err(complaint) => return complain(1, &complaint),
    };
    let mut out = io::stdout().lock();
    let mut failed = Ok(());
    let nap = call.pace(1, Duration::from_millis(12), Duration::from_millis(12));
    let outcome = createrepo(&dir, &options, &PackageCache::default(), &mut |line| {
        if failed.is_ok() {
            failed = writeln!(out, "{line}");
        }
        std::thread::sleep(nap);
    });
    failed?;
    match outcome {
        Ok(outcome) => Ok(if outcome.unreadable > 0 { 2 } else { 0 }),
        Err(error) => complain(1, &error.to_string()),
    }
}

fn parse_create(args: &[String]) -> Result<(PathBuf, CreaterepoOptions), String> {
    let mut options = CreaterepoOptions::default();
    let mut dir = None;
    for arg in args {
        match arg.split_once('=').unwrap_or((arg, "")) {
            ("--update", _) => options.update = true,
            ("--keep-all-metadata", _) => options.keep_all_metadata = true,
            ("--groupfile", file) => options.groupfile = Some(PathBuf::from(file)),
            ("--xz", _) => options.compression = Some(Compression::Xz),
            ("--revision", text) => options.revision = Some(text.to_owned()),
            ("--distro", text) => options.distro.push(DistroTag::parse(text)),
            ("--checksum", "sha256") | ("--workers" | "--no-database" | "--quiet", _) => {}
            (option, _) if option.starts_with('-') => return Err(format!("Unknown option {arg}")),
            _ => dir = Some(PathBuf::from(arg)),
        }
    }
    let dir = dir.ok_or("Must specify exactly one directory to index.")?;
    Ok((dir, options))
}

/// Runs `modifyrepo`.
pub(super) fn modify(call: &Call<'_>) -> io::Result<u8> {
    let mut options = ModifyrepoOptions { compression: Some(Compression::Gzip), ..Default::default() };
    let mut paths = Vec::new();
    for arg in &call.args {
        match arg.split_once('=').unwrap_or((arg, "")) {
            ("--mdtype", kind) => options.mdtype = Some(kind.to_owned()),
            ("--compress-type", name) => match Compression::from_name(name) {
                Some(compression) => options.compression = Some(compression),
                None => return complain(1, &format!("Compression {name} not available")),
            },
            ("--compress", _) => {}
            ("--no-compress", _) => options.compression = None,
            (option, _) if option.starts_with('-') => return complain(1, &format!("Unknown option {arg}")),
            _ => paths.push(Path::new(arg)),
        }
    }
    let [file, repodata] = paths[..] else {
        return complain(1, "Must specify a file and a repodata directory.");
    };
    match modifyrepo(file, repodata, &options) {
        Ok(warnings) => {
            warnings.iter().try_for_each(|warning| writeln!(io::stderr(), "{warning}"))?;
            Ok(0)
        }
        Err(error) => complain(1, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_prep_is_understood() {
        let args = [
            "--update",
            "/s/BaseOS/x86_64/os",
            "--groupfile=/c/comps-BaseOS.x86_64.xml",
            "--xz",
            "--revision=8.10",
            "--distro=cpe:/o:rocky:rocky:8,Rocky Linux 8",
            "--workers=8",
            "--checksum=sha256",
        ];
        let (dir, options) = parse_create(&args.map(str::to_owned)).unwrap();
        assert_eq!(dir, Path::new("/s/BaseOS/x86_64/os"));
        assert!(options.update);
        assert_eq!(options.compression, Some(Compression::Xz));
        assert_eq!(options.revision.as_deref(), Some("8.10"));
        assert_eq!(options.distro.len(), 1);
        assert!(parse_create(&["--sqlite".to_owned()]).is_err());
    }
}
