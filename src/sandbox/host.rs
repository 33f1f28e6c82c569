//! Builds the practice release host in a folder, or opens one that is there.
//!
//! It only ever touches that folder, and only if the folder is empty or carries the marker of a practice host:
//! a wrong path on the command line must not cost anybody a file. A host whose building was cut short is
//! known by its marker and built anew.

use super::applet::{APPLETS, MARKER, SPEED};
use super::content::{Content, ContentError};
use super::fault::Fault;
use super::filelist;
use super::history::{self, HistoryError};
use super::koji::Koji;
use super::layout::HostPaths;
use super::scripts::{self, ScriptError};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

mod catalog;
mod checkout;
mod errata_box;

/// How fast the practice host works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// So that one can watch: an update of release 8 reaches its gate within a minute.
    #[default]
    Watch,
    /// As fast as it can.
    Instant,
}

impl Speed {
    fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch\n",
            Self::Instant => "instant\n",
        }
    }
}

/// What a practice host is to be.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Its folder; made if it is not there.
    pub dir: PathBuf,
    /// The program that its tools are: this one.
    pub binary: PathBuf,
    /// How fast it works.
    pub speed: Speed,
    /// Failures to plant.
    pub faults: Vec<Fault>,
    /// Build it anew even if it is there.
    pub fresh: bool,
    /// The time at which its history ends.
    pub now: jiff::Timestamp,
}

/// A practice host that is ready.
#[derive(Debug)]
pub struct BuiltHost {
    /// Where everything is.
    pub paths: HostPaths,
    /// Whether it was there before and has kept its state.
    pub reopened: bool,
}

/// Why there is no practice host.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Something else lives there.
    #[error("`{}` is not empty and not a sandbox: name another folder", .0.display())]
    Foreign(PathBuf),
    /// A file or folder refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path cannot stand in scripts and catalog.
    #[error("`{}` cannot be used: the path must be UTF-8 without colons, braces and line breaks", .0.display())]
    Path(PathBuf),
    /// The scripts could not be written.
    #[error("cannot write the scripts: {0}")]
    Scripts(#[from] ScriptError),
    /// The practice table is defective.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The packages, composes and trees could not be made.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A failure could not be planted.
    #[error("cannot plant {fault}: {source}")]
    Fault {
        /// Which.
        fault: String,
        /// Why.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SandboxError + '_ {
    move |source| SandboxError::Io { path: path.to_owned(), source }
}

/// What stands at the top of a practice host; `--fresh` removes these and nothing else.
const OWN: &[&str] = &[
    "bin",
    "comps",
    "faults",
    "hosts",
    "keys",
    "lib",
    "mnt",
    "opt",
    "pungi",
    "speed",
    "stagegate.toml",
    "state",
    "tmp",
    "toolkit",
];

/// The marker's text while the host is being built, and after.
const BUILDING: &str = "building\n";
const READY: &str = "A practice release host of stagegate. Built anew with: stagegate sandbox --fresh\n";

/// Builds the host of `options`, or opens it with its state kept; `progress` gets a line for each part.
pub fn build(options: &BuildOptions, progress: &mut dyn FnMut(&str)) -> Result<BuiltHost, SandboxError> {
    let root = prepare_folder(&options.dir)?;
    let paths = HostPaths::new(&root);
    let marker = root.join(MARKER);
    let state = fs::read_to_string(&marker).unwrap_or_default();
    let reopened = state == READY && !options.fresh;
    if !reopened {
        clear(&root)?;
        fs::write(&marker, BUILDING).map_err(at(&marker))?;
        furnish(&paths, options, progress)?;
    }
    // The program may have moved since, and a new one must serve an old host.
    link_tools(&paths, &options.binary)?;
    let speed = root.join(SPEED);
    fs::write(&speed, options.speed.word()).map_err(at(&speed))?;
    for fault in &options.faults {
        fault.plant(&paths).map_err(|source| SandboxError::Fault { fault: fault.to_string(), source })?;
    }
    if !reopened {
        fs::write(&marker, READY).map_err(at(&marker))?;
    }
    Ok(BuiltHost { paths, reopened })
}

/// Makes the folder if needed and returns its absolute path, or refuses one that is not ours.
fn prepare_folder(dir: &Path) -> Result<PathBuf, SandboxError> {
    fs::create_dir_all(dir).map_err(at(dir))?;
    let root = dir.canonicalize().map_err(at(dir))?;
    // A colon would end the path within PATH, a brace would begin a placeholder of the catalog.
    if !root.to_str().is_some_and(|text| !text.contains([':', '{', '}']) && !text.contains(char::is_control))
    {
        return Err(SandboxError::Path(root));
    }
    let empty = fs::read_dir(&root).map_err(at(&root))?.next().is_none();
    if empty || root.join(MARKER).is_file() { Ok(root) } else { Err(SandboxError::Foreign(root)) }
}

fn clear(root: &Path) -> Result<(), SandboxError> {
    for name in OWN {
        let path = root.join(name);
        let removed = match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(_) => Ok(()),
        };
        removed.map_err(at(&path))?;
    }
    Ok(())
}

/// Fills an empty folder.
fn furnish(
    paths: &HostPaths,
    options: &BuildOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<(), SandboxError> {
    let root = paths.root();
    for name in ["bin", "faults", "tmp", "opt/rtorrent/download", "opt/rtorrent/watch/start"] {
        let path = root.join(name);
        fs::create_dir_all(&path).map_err(at(&path))?;
    }
    for mount in [paths.koji(), paths.compose(), paths.staging_mount(), paths.production_mount()] {
        fs::create_dir_all(&mount).map_err(at(&mount))?;
        let marker = mount.join(".stagegate-mount");
        fs::write(&marker, "").map_err(at(&marker))?;
    }
    let content = Content::embedded()?;
    progress("scripts");
    scripts::write(paths, &content)?;
    errata_box::write(paths).map_err(at(root))?;
    fs::write(paths.catalog(), catalog::text(paths)).map_err(at(&paths.catalog()))?;
    progress("packages, composes, staging and production");
    let koji = populate(paths, options.now)?;
    checkout::write_comps(paths, &content, &koji).map_err(at(root))?;
    for folder in [paths.pungi(), root.join("comps"), paths.toolkit()] {
        checkout::commit(&folder, options.now);
    }
    Ok(())
}

/// Makes the packages, composes and trees that months of work would have left, and the lists for mirrors.
fn populate(paths: &HostPaths, now: jiff::Timestamp) -> Result<Koji, SandboxError> {
    let signer = history::make_key(paths, now)?;
    history::populate(paths, &signer, now)?;
    let koji = Koji::load(paths).map_err(HistoryError::from)?;
    write_lists(&paths.production()).map_err(at(&paths.production()))?;
    Ok(koji)
}

/// Writes the lists as the last push of the past would have.
fn write_lists(production: &Path) -> io::Result<()> {
    let (mut names, mut times) = (Vec::new(), Vec::new());
    filelist::write_names(production, &mut names)?;
    filelist::write_times(production, &mut times)?;
    fs::write(production.join("fullfilelist"), names)?;
    fs::write(production.join("fullfiletimelist-rocky"), &times)?;
    fs::write(production.join("fullfiletimelist"), times)
}

fn link_tools(paths: &HostPaths, binary: &Path) -> Result<(), SandboxError> {
    let bin = paths.bin();
    for applet in APPLETS {
        let link = bin.join(applet.name());
        if link.read_link().is_ok_and(|target| target == binary) {
            continue;
        }
        // A link is replaced in one step, because a script may be running in another terminal.
        let beside = bin.join(format!(".{}.new", applet.name()));
        drop(fs::remove_file(&beside));
        symlink(binary, &beside).and_then(|()| fs::rename(&beside, &link)).map_err(at(&link))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        fs::write(dir.path().join("bin/precious"), "x").unwrap();
        let options = BuildOptions {
            dir: dir.path().to_owned(),
            binary: PathBuf::from("/bin/true"),
            speed: Speed::Instant,
            faults: Vec::new(),
            fresh: true,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let error = build(&options, &mut |_| {}).unwrap_err();
        assert!(matches!(error, SandboxError::Foreign(_)), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("bin/precious")).unwrap(), "x");
        assert!(!dir.path().join(MARKER).exists());
    }

    #[test]
    fn a_path_that_cannot_stand_in_path_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = prepare_folder(&dir.path().join("a:b")).unwrap_err();
        assert!(matches!(error, SandboxError::Path(_)), "{error}");
    }

    #[test]
    fn only_our_own_names_are_cleared() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("mnt/koji")).unwrap();
        fs::write(dir.path().join("my-notes"), "keep").unwrap();
        clear(dir.path()).unwrap();
        assert!(!dir.path().join("mnt").exists());
        assert!(dir.path().join("my-notes").exists());
    }
}
