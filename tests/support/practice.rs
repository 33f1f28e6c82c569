//! Practice hosts for tests: one is built, the others are copies of it.
//!
//! What a host costs is its key and its packages. A copy has them already, and is opened as a host that was there
//! before; only its catalog says where it is.

use stagegate::sandbox::host::{self, BuildOptions, BuiltHost, Speed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The host that the others are copied from, for as long as one of them is there.
static TEMPLATE: Mutex<Weak<Template>> = Mutex::new(Weak::new());

/// A host that nobody uses but to be copied.
#[derive(Debug)]
pub(crate) struct Template {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

/// Makes a host in `dir`, at instant speed with `faults` planted; whoever uses it keeps the template.
pub(crate) fn host(dir: &Path, faults: &[&str]) -> (BuiltHost, Arc<Template>) {
    let template = template();
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template.root).arg(dir).status();
    assert!(copied.unwrap().success());
    let catalog = dir.join("stagegate.toml");
    let text = fs::read_to_string(&catalog).unwrap();
    let (from, to) = (template.root.to_str().unwrap(), dir.canonicalize().unwrap());
    assert!(text.contains(from), "{text}");
    fs::write(&catalog, text.replace(from, to.to_str().unwrap())).unwrap();
    let built = host::build(&options(dir, faults), &mut |_| {}).unwrap();
    assert!(built.reopened);
    (built, template)
}

/// Returns how a host is built in `dir`.
fn options(dir: &Path, faults: &[&str]) -> BuildOptions {
    BuildOptions {
        dir: dir.to_owned(),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_stagegate")),
        speed: Speed::Instant,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        fresh: false,
        now: jiff::Timestamp::now(),
    }
}

fn template() -> Arc<Template> {
    let mut known = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = known.upgrade() {
        return template;
    }
    let folder = tempfile::tempdir().unwrap();
    let built = host::build(&options(&folder.path().join("template"), &[]), &mut |_| {}).unwrap();
    let root = built.paths.root().to_owned();
    let template = Arc::new(Template { _folder: folder, root });
    *known = Arc::downgrade(&template);
    template
}
