//! `sandbox-sign FILE…`: writes `FILE.asc`, a detached signature by the host's own key. `sign-repo.sh`
//! calls it where the real one calls gpg.

use super::{Call, complain};
use crate::sandbox::signer::Signer;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Runs the tool.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let Some(host) = call.host else {
        return complain(2, "sandbox-sign: not started from the bin folder of a practice host");
    };
    let signer = match Signer::load(&host.secret_key()) {
        Ok(signer) => signer,
        Err(error) => return complain(2, &format!("gpg: signing failed: No secret key ({error})")),
    };
    for file in &call.args {
        if let Err(error) = sign(&signer, Path::new(file)) {
            return complain(2, &format!("gpg: can't open '{file}': {error}\ngpg: signing failed: {error}"));
        }
    }
    Ok(0)
}

fn sign(signer: &Signer, file: &Path) -> io::Result<()> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(io::Error::other)?;
    let now = u32::try_from(since.as_secs()).map_err(io::Error::other)?;
    let armored = signer.detach_sign_armored(&std::fs::read(file)?, now).map_err(io::Error::other)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".asc");
    std::fs::write(name, armored)
}
