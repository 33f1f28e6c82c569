//! Those who drain a flood: the two anchors, Stagegate, and the peers that are installed here.

use super::host::{Host, Stranger};
use super::screen::Screen;
use super::workload::{Stage, Workload};
use anyhow::Context as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long anything may take that is no flood.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Who drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// Reads and throws away.
    Plain,
    /// Reads, indexes lines, keeps a file: the reference.
    Reference,
    /// The supervisor with a console open on the step.
    Stagegate,
    /// A terminal multiplexer with a client attached.
    Tmux,
    /// A runner of several processes.
    Mprocs,
    /// A build system's runner.
    Turbo,
}

impl Contender {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 6] =
        [Self::Plain, Self::Reference, Self::Stagegate, Self::Tmux, Self::Mprocs, Self::Turbo];

    /// Returns the short name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Reference => "reference",
            Self::Stagegate => "stagegate",
            Self::Tmux => "tmux",
            Self::Mprocs => "mprocs",
            Self::Turbo => "turbo",
        }
    }

    /// Returns what the program itself says it is; none where it is not installed.
    pub(crate) fn version(self) -> Option<String> {
        let (program, flag) = match self {
            Self::Plain => return Some("PTY read only".to_owned()),
            Self::Reference => return Some("PTY + line index + file".to_owned()),
            Self::Stagegate => return Some(format!("stagegate {}, console open", env!("CARGO_PKG_VERSION"))),
            Self::Tmux => ("tmux", "-V"),
            Self::Mprocs | Self::Turbo => (self.name(), "--version"),
        };
        let out = Command::new(find(program)?).arg(flag).output().ok()?;
        let said = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        Some(if said.starts_with(program) { said } else { format!("{program} {said}") })
    }
}

/// Finds a peer in PATH or in the folders that `STAGEGATE_PEERS` names.
fn find(program: &str) -> Option<PathBuf> {
    let named = std::env::var_os("STAGEGATE_PEERS").unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&named).chain(std::env::split_paths(&path)).collect();
    folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// How a screen is asked for a frame that only an answer can be: keys, and words of which the answer draws one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// What is pressed.
    pub(crate) keys: &'static str,
    /// What the answer holds.
    pub(crate) words: &'static [&'static str],
    /// What is pressed afterwards, to undo it.
    pub(crate) undo: &'static str,
}

/// A contender whose script is ready to begin.
pub(crate) struct Ready {
    /// What it is seen on, unless nobody sees it.
    pub(crate) screen: Option<Screen>,
    /// The questions, asked in turn.
    pub(crate) questions: &'static [Question],
    /// Processes whose trees are its cost.
    pub(crate) roots: Vec<i32>,
    /// The script's own process, which is nobody's cost.
    pub(crate) script: i32,
    /// Where the output is kept, for those who keep all of it, and what stands there for a line end.
    pub(crate) log: Option<(PathBuf, LineEnd)>,
    leaving: Leaving,
}

/// What a kept line ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// What was written.
    AsWritten,
    /// What the terminal made of it: CR LF.
    Terminal,
}

#[derive(Debug)]
enum Leaving {
    Reader(Child),
    Run(Stranger),
    Tmux { program: PathBuf, socket: String },
    Screen,
}

impl Ready {
    /// Ends the contender, and waits until it is gone.
    pub(crate) fn leave(self) -> anyhow::Result<()> {
        match self.leaving {
            Leaving::Reader(mut child) => {
                drop(child.stdin.take());
                child.wait()?;
            }
            Leaving::Run(supervisor) => {
                drop(self.screen);
                supervisor.wait_gone(PATIENCE)?;
            }
            Leaving::Tmux { program, socket } => {
                let _gone = Command::new(program).args(["-L", &socket, "kill-server"]).output();
                drop(self.screen);
            }
            Leaving::Screen => drop(self.screen),
        }
        if let Some((log, _)) = &self.log {
            fs::remove_file(log)?;
        }
        Ok(())
    }
}

/// Gets a contender ready for a workload: everything is open, and the script waits.
pub(crate) fn prepare(
    contender: Contender,
    workload: Workload,
    stage: &mut Stage,
    host: &Host,
    scratch: &Path,
) -> anyhow::Result<Ready> {
    let script = stage.script(workload);
    let ready = match contender {
        Contender::Plain => reader(&script, None, stage),
        Contender::Reference => reader(&script, Some(scratch.join("reference.log")), stage),
        Contender::Stagegate => stagegate(&script, stage, host),
        Contender::Tmux => tmux(&script, stage, scratch),
        Contender::Mprocs => mprocs(&script, stage, scratch),
        Contender::Turbo => turbo(&script, stage, scratch),
    };
    ready.with_context(|| format!("{} does not get ready", contender.name()))
}

fn reader(script: &Path, log: Option<PathBuf>, stage: &mut Stage) -> anyhow::Result<Ready> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--read").arg(script).stdin(Stdio::piped());
    if let Some(log) = &log {
        command.arg("--keep").arg(log);
    }
    let child = command.spawn()?;
    let script = stage.ready(PATIENCE)?;
    Ok(Ready {
        screen: None,
        questions: &[],
        roots: vec![child.id().cast_signed()],
        script,
        log: log.map(|log| (log, LineEnd::Terminal)),
        leaving: Leaving::Reader(child),
    })
}

/// Opens the help, which covers the log.
const HELP: Question = Question {
    keys: "?",
    // Single words: a blank that was blank before is not drawn.
    words: &["becomes", "console's", "anew", "observe,"],
    undo: "\x1b",
};

fn stagegate(script: &Path, stage: &mut Stage, host: &Host) -> anyhow::Result<Ready> {
    let run = host.start(script)?;
    let script = stage.ready(PATIENCE)?;
    // "Nothing printed yet", of which only the end differs from "Not started yet".
    let screen = Screen::start(&host.console(&run.id), &[("HOME", host.home())], &["hing"])?;
    anyhow::ensure!(screen.seen(PATIENCE).is_some(), "the console does not show the step");
    // The log alone, as large as the screen.
    screen.types("\r");
    anyhow::ensure!(screen.press(HELP.keys, HELP.words, PATIENCE).is_some(), "the console answers no key");
    screen.types(HELP.undo);
    let roots = vec![run.pid, screen.pid()];
    let leaving = Leaving::Run(run.supervisor);
    Ok(Ready {
        screen: Some(screen),
        questions: &[HELP],
        roots,
        script,
        log: Some((run.log, LineEnd::AsWritten)),
        leaving,
    })
}

fn tmux(script: &Path, stage: &mut Stage, scratch: &Path) -> anyhow::Result<Ready> {
    let program = find("tmux").context("tmux is not installed")?;
    let (socket, settings) = (format!("stagegate-flood-{}", std::process::id()), scratch.join("tmux.conf"));
    fs::write(&settings, "bind -n F5 display-message AAANSWERED\nbind -n F6 display-message BBANSWERED\n")?;
    let text = |path: &Path| path.display().to_string();
    let argv = [
        text(&program),
        "-L".into(),
        socket.clone(),
        "-f".into(),
        text(&settings),
        "new-session".into(),
        text(script),
    ];
    let screen = Screen::start(&argv, &[("HOME", "/nonexistent"), ("SHELL", "/bin/bash")], &[])?;
    let script = stage.ready(PATIENCE)?;
    let asked = Command::new(&program).args(["-L", &socket, "display-message", "-p", "#{pid}"]).output()?;
    let server: i32 =
        String::from_utf8(asked.stdout)?.trim().parse().context("tmux does not say who its server is")?;
    Ok(Ready {
        questions: &[
            Question { keys: "\x1b[15~", words: &["AAANSWERED"], undo: "" },
            Question { keys: "\x1b[17~", words: &["BBANSWERED"], undo: "" },
        ],
        roots: vec![server, screen.pid()],
        screen: Some(screen),
        script,
        log: None,
        leaving: Leaving::Tmux { program, socket },
    })
}

fn mprocs(script: &Path, stage: &mut Stage, scratch: &Path) -> anyhow::Result<Ready> {
    let program = find("mprocs").context("mprocs is not installed")?;
    let home = scratch.display().to_string();
    let argv = [program.display().to_string(), script.display().to_string()];
    let screen = Screen::start(&argv, &[("HOME", &home)], &[])?;
    on_a_screen(screen, stage, &[Question { keys: "p", words: &["Quit", "quit"], undo: "\x1b" }])
}

fn turbo(script: &Path, stage: &mut Stage, scratch: &Path) -> anyhow::Result<Ready> {
    let program = find("turbo").context("turbo is not installed")?;
    let folder = scratch.join("turbo");
    fs::create_dir_all(&folder)?;
    let package = serde_json::json!({
        "name": "flood", "packageManager": "npm@10.0.0", "scripts": { "flood": script.display().to_string() },
    });
    fs::write(folder.join("package.json"), package.to_string())?;
    fs::write(
        folder.join("package-lock.json"),
        r#"{"name":"flood","lockfileVersion":3,"packages":{"":{"name":"flood"}}}"#,
    )?;
    fs::write(folder.join("turbo.json"), r#"{"ui":"tui","tasks":{"flood":{"cache":false}}}"#)?;
    let home = scratch.display().to_string();
    let argv = [
        program.display().to_string(),
        "--cwd".to_owned(),
        folder.display().to_string(),
        "run".to_owned(),
        "flood".to_owned(),
    ];
    let env = [
        ("HOME", home.as_str()),
        ("TURBO_TELEMETRY_DISABLED", "1"),
        ("DO_NOT_TRACK", "1"),
        ("TURBO_NO_UPDATE_NOTIFIER", "1"),
    ];
    let screen = Screen::start(&argv, &env, &[])?;
    on_a_screen(screen, stage, &[Question { keys: "m", words: &["Keybinds", "keybinds"], undo: "m" }])
}

fn on_a_screen(screen: Screen, stage: &mut Stage, questions: &'static [Question]) -> anyhow::Result<Ready> {
    let script = stage.ready(PATIENCE)?;
    let roots = vec![screen.pid()];
    Ok(Ready { screen: Some(screen), questions, roots, script, log: None, leaving: Leaving::Screen })
}
