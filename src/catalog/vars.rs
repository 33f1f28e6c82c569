//! What the toolkit's own vars files say: `common`, `common_8`.
//!
//! They are shell, so a shell reads them: a clean bash sources them as the toolkit's scripts do (`$0` inside
//! the folder, `RLVER` set), with a time limit, and says with `declare -p` what it knows then. Nothing else of
//! the toolkit is run, and nothing that it prints gets anywhere. Every value is checked before it becomes a
//! path: an empty REVISION is how a push goes to the root of production.

mod declare;

use super::bounded::{self, BoundedError};
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::release::ToolkitVars;
use declare::DeclareError;
pub(super) use declare::Shell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long bash may take to source the files.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The search path of that bash; `common` needs `dirname`.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The variables that [`ToolkitVars`] is made of.
const KNOWN: [&str; 10] = [
    "REVISION",
    "APPEND_TO_DIR",
    "STAGING_ROOT",
    "PRODUCTION_ROOT",
    "CATEGORY_STUB",
    "RELEASE_DIR",
    "ARCHES",
    "ALL_REPOS",
    "MODS",
    "NONSIG_COMPOSE",
];

/// Says that bash came to the end of the script: an `exit` in a vars file is not mistaken for an answer.
const DONE: &str = "STAGEGATE_DONE";

/// Why the vars files of a release could not be used.
#[derive(Debug, thiserror::Error)]
pub enum VarsError {
    /// A file is not there.
    #[error("{} is not there: check the toolkit's `folder` and `vars` in the catalog, and the checkout", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// bash could not be asked.
    #[error("{}: {problem}", .folder.display())]
    Bash {
        /// The toolkit's folder.
        folder: PathBuf,
        /// What happened.
        problem: String,
    },
    /// The files ended the shell.
    #[error("{}: sourcing ended early ({status}){said}: run `RLVER={release} bash {}` to see", .path.display(), .path.display())]
    Ended {
        /// The file.
        path: PathBuf,
        /// The release asked for.
        release: String,
        /// The exit status.
        status: String,
        /// The last line it printed, or nothing.
        said: String,
    },
    /// A value is missing or of the wrong kind.
    #[error("{}: {variable} {problem}", .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The variable.
        variable: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// The toolkit's folder.
    pub(super) folder: &'a Path,
    /// The vars files, in order.
    pub(super) files: &'a [String],
    /// The release.
    pub(super) release: &'a ReleaseId,
    /// Further arrays wanted.
    pub(super) arrays: &'a [String],
    /// How long bash may take.
    pub(super) limit: Duration,
}

/// What was read: the vars, and the further arrays that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) vars: ToolkitVars,
    pub(super) arrays: BTreeMap<String, Vec<String>>,
}

/// Reads the vars of `release` from what `declare -p` printed, without asking a shell.
///
/// For those who have the text already; errors speak of the file `path`.
pub fn read_declared(text: &[u8], release: &ReleaseId, path: &Path) -> Result<ToolkitVars, VarsError> {
    let shell = declare::parse(text).map_err(|error| VarsError::Bash {
        folder: path.parent().unwrap_or(path).to_owned(),
        problem: error.to_string(),
    })?;
    toolkit_vars(&Values { shell, path: path.to_owned() }, release)
}

/// Returns the constant script that sources the files: one of the two places where a shell sees a string of
/// ours (design 12.3). Names arrive as arguments and never within it.
fn script() -> &'static str {
    r#"
exec 3>&1 1>&2
STAGEGATE_FILES=("${@:2:$1}")
STAGEGATE_NAMES=("${@:2+$1}")
set --
for STAGEGATE_FILE in "${STAGEGATE_FILES[@]}"; do
  source "./$STAGEGATE_FILE"
done
STAGEGATE_DONE=yes
declare -p -- "${STAGEGATE_NAMES[@]}" STAGEGATE_DONE 1>&3 2>/dev/null
exit 0
"#
}

/// Sources the vars files and checks what they say.
pub(super) fn read(request: Request<'_>) -> Result<Answer, VarsError> {
    for file in request.files {
        let path = request.folder.join(file);
        if !path.is_file() {
            return Err(VarsError::Missing { path });
        }
    }
    let shell = ask_bash(request)?;
    let last = request.folder.join(request.files.last().map_or("", String::as_str));
    let values = Values { shell, path: last };
    let vars = toolkit_vars(&values, request.release)?;
    let mut arrays = BTreeMap::new();
    for name in request.arrays {
        arrays.insert(name.clone(), values.names(name)?);
    }
    Ok(Answer { vars, arrays })
}

fn ask_bash(request: Request<'_>) -> Result<BTreeMap<String, Shell>, VarsError> {
    let folder = request.folder.to_path_buf();
    let path = folder.join(request.files.last().map_or("", String::as_str));
    let mut command = Command::new("bash");
    command
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LC_ALL", "C.UTF-8")
        .env("RLVER", request.release.as_str())
        .current_dir(&folder)
        .args(["--noprofile", "--norc", "-c", script()])
        .arg(folder.join("stagegate"))
        .arg(request.files.len().to_string())
        .args(request.files)
        .args(KNOWN)
        .args(request.arrays);
    let bash = |problem: String| VarsError::Bash { folder: folder.clone(), problem };
    let output = bounded::run(&mut command, request.limit).map_err(|error| match error {
        BoundedError::Deadline { .. } => {
            bash(format!("sourcing the vars files: {error}; look for a command in them that waits"))
        }
        _ => bash(error.to_string()),
    })?;
    let shell = declare::parse(&output.stdout).map_err(|error: DeclareError| bash(error.to_string()))?;
    if shell.contains_key(DONE) {
        return Ok(shell);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().rfind(|line| !line.trim().is_empty()).map(printable).unwrap_or_default();
    let status = output.status.to_string();
    Err(VarsError::Ended { path, release: request.release.to_string(), status, said })
}

/// Makes the last line of what bash said fit to stand in a message.
fn printable(line: &str) -> String {
    let clean: String = line.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    format!(", saying `{clean}`")
}

struct Values {
    shell: BTreeMap<String, Shell>,
    path: PathBuf,
}

impl Values {
    fn problem(&self, variable: &str, problem: impl Into<String>) -> VarsError {
        VarsError::Value { path: self.path.clone(), variable: variable.to_owned(), problem: problem.into() }
    }

    fn text(&self, variable: &str) -> Result<&str, VarsError> {
        match self.shell.get(variable) {
            Some(Shell::Scalar(text)) if !text.is_empty() => Ok(text),
            Some(Shell::Scalar(_)) => Err(self.problem(variable, "is empty: set it")),
            Some(_) => Err(self.problem(variable, "is an array: a plain value is expected")),
            None => Err(self
                .problem(variable, "is not set: set it, or name the file that does in the catalog's `vars`")),
        }
    }

    fn text_or_empty(&self, variable: &str) -> Result<&str, VarsError> {
        match self.shell.get(variable) {
            None => Ok(""),
            Some(Shell::Scalar(text)) if text.is_empty() => Ok(""),
            _ => self.text(variable),
        }
    }

    /// Returns an array of names, each fit for a path.
    fn names(&self, variable: &str) -> Result<Vec<String>, VarsError> {
        let items = match self.shell.get(variable) {
            Some(Shell::List(items)) => items.clone(),
            Some(Shell::Scalar(text)) => text.split_whitespace().map(str::to_owned).collect(),
            // How the toolkit of 2026 says of release 10 that nothing there has modules.
            Some(Shell::Map(items)) if items.is_empty() => Vec::new(),
            Some(Shell::Map(_)) => {
                return Err(self.problem(variable, "is an associative array: a list is expected"));
            }
            None => return Err(self.problem(variable, "is not set: an array is expected")),
        };
        if let Some(wrong) = items.iter().find(|item| RepoName::new(item.as_str()).is_err()) {
            return Err(self.problem(variable, format!("holds `{wrong}`, which is not a name")));
        }
        Ok(items)
    }

    fn some_names(&self, variable: &str) -> Result<Vec<String>, VarsError> {
        let names = self.names(variable)?;
        if names.is_empty() { Err(self.problem(variable, "is empty: name at least one")) } else { Ok(names) }
    }

    fn names_or_none(&self, variable: &str) -> Result<Vec<String>, VarsError> {
        if self.shell.contains_key(variable) { self.names(variable) } else { Ok(Vec::new()) }
    }

    fn root(&self, variable: &str) -> Result<PathBuf, VarsError> {
        let text = self.text(variable)?;
        let path = Path::new(text);
        let mut parts = path.components();
        if parts.next() != Some(Component::RootDir) || !is_below(parts) {
            return Err(
                self.problem(variable, format!("is `{text}`: an absolute path below `/` is expected"))
            );
        }
        Ok(path.to_path_buf())
    }

    fn relative(&self, variable: &str, text: &str) -> Result<String, VarsError> {
        if !is_below(Path::new(text).components()) || text.chars().any(char::is_control) {
            return Err(self.problem(variable, format!("is `{text}`: a path below the roots is expected")));
        }
        Ok(text.trim_end_matches('/').to_owned())
    }
}

/// Says whether the parts name something, and all of them by plain names.
fn is_below<'a>(parts: impl Iterator<Item = Component<'a>>) -> bool {
    let mut any = false;
    for part in parts {
        if !matches!(part, Component::Normal(_)) {
            return false;
        }
        any = true;
    }
    any
}

fn toolkit_vars(values: &Values, release: &ReleaseId) -> Result<ToolkitVars, VarsError> {
    let revision = values.text("REVISION")?.to_owned();
    let of_release =
        revision.strip_prefix(release.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if !of_release || RepoName::new(revision.as_str()).is_err() {
        let problem = format!(
            "is `{revision}`, which is not a revision of {release}: RLVER is ignored, or the wrong file was read"
        );
        return Err(values.problem("REVISION", problem));
    }
    let append = values.text_or_empty("APPEND_TO_DIR")?.to_owned();
    if RepoName::new(format!("x{append}")).is_err() {
        return Err(values.problem(
            "APPEND_TO_DIR",
            format!("is `{append}`: letters, digits, `.`, `_`, `+` and `-` are expected"),
        ));
    }
    let release_dir = values.relative("RELEASE_DIR", values.text("RELEASE_DIR")?)?;
    let category = match values.text_or_empty("CATEGORY_STUB")? {
        "" => String::new(),
        text => values.relative("CATEGORY_STUB", text)?,
    };
    let vars = ToolkitVars {
        staging_root: values.root("STAGING_ROOT")?,
        production_root: values.root("PRODUCTION_ROOT")?,
        arches: values.some_names("ARCHES")?,
        variants: values.some_names("ALL_REPOS")?,
        module_variants: values.names_or_none("MODS")?,
        nonsig_composes: values.names_or_none("NONSIG_COMPOSE")?,
        revision,
        append,
        category,
        release_dir,
    };
    if vars.staging_root == vars.production_root {
        return Err(values.problem("PRODUCTION_ROOT", "is the same as STAGING_ROOT"));
    }
    Ok(vars)
}

#[cfg(test)]
mod tests;
