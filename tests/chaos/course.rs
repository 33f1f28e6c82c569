//! One story from its first key to the gate: waits for the moments, kills, and then does what the program says.

use crate::host::{Host, PROGRAM};
use crate::journal::{Run, Step, lines};
use crate::processes::{self, Process};
use crate::story::{Kill, Start, Story, Way, When, Whom};
use crate::terminal::{PATIENCE, Terminal};
use crate::verdict::{Tally, at_kill, at_rest};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the screen is looked at before the journal is again.
const GLANCE: Duration = Duration::from_millis(2);
/// How often the program may be asked to go on before it counts as stuck.
const TRIES: u32 = 24;
/// How long a console that was told to begin a run may take until there is one.
const TOLD: Duration = Duration::from_secs(20);
/// How long a process that outlives its supervisor is waited for before it is ended, as the program says one may.
const SURVIVORS: Duration = Duration::from_secs(5);

/// A command that follows the run.
struct Follower {
    child: Child,
    out: PathBuf,
}

/// What the waiting ended with.
enum Event {
    /// The moment of the next kill has come.
    Due,
    /// Nothing moves any more until somebody does something.
    Still,
}

/// What a still run needs next.
enum Next {
    Nothing,
    Begin,
    /// What an engineer would type.
    Command(Vec<String>),
    /// What the program said is to be typed next, whole.
    Advised(Vec<String>),
}

pub(crate) struct Course<'a> {
    host: &'a Host,
    story: &'a Story,
    terminal: Terminal,
    ways: std::vec::IntoIter<Way>,
    follower: Option<Follower>,
    followers: u32,
    /// Records and log bytes when the last kill was done.
    base: (u64, u64),
    tally: Tally,
    /// What was done, to be read when something is wrong.
    diary: Vec<String>,
    begun: Instant,
    /// When the console was told to begin the run.
    told: Option<Instant>,
}

/// Plays a story on a host; returns what was counted and what was done.
pub(crate) fn play(host: &Host, story: &Story) -> (Tally, Vec<String>) {
    if story.flood {
        fs::write(host.at("witness/flood"), "").unwrap();
    }
    let mut course = Course {
        host,
        story,
        terminal: Terminal::open(),
        ways: story.ways.clone().into_iter(),
        follower: None,
        followers: 0,
        base: (0, 0),
        tally: Tally { runs: 1, ..Tally::default() },
        diary: Vec::new(),
        begun: Instant::now(),
        told: None,
    };
    course.begin();
    course.go_on();
    course.rest();
    (course.tally, course.diary)
}

impl Course<'_> {
    fn note(&mut self, text: &str) {
        self.diary.push(format!("{:>7.2} s  {text}", self.begun.elapsed().as_secs_f64()));
    }

    /// Begins the run, by keys or by command; a kill may come in between.
    fn begin(&mut self) {
        let early = self.story.kills.first().filter(|kill| matches!(kill.when, When::Key(_))).copied();
        if self.story.start == Start::Command {
            self.command();
            self.terminal.start(self.host);
            return;
        }
        self.terminal.start(self.host);
        // Ticking wants to know the revision, which the vars files say, and a repo under the cursor.
        self.await_screen(&["8 · 8.10"]);
        self.await_screen(&["composed only"]);
        let keys: Vec<&str> = self.story.ticks.iter().copied().chain(["p", "r", "y"]).collect();
        for (number, key) in keys.iter().enumerate() {
            if let Some(kill) = early.filter(|kill| kill.when == When::Key(number)) {
                return self.strike(kill);
            }
            if *key == "y" && !self.terminal.press_until("r", "y run") {
                return self
                    .tally
                    .wrong(format!("the console never asks; it shows\n{}", self.terminal.screen()));
            }
            self.terminal.types(key);
            self.told = (*key == "y").then(Instant::now);
            self.terminal.look(GLANCE);
        }
        if let Some(kill) = early {
            self.strike(kill);
        }
    }

    fn command(&mut self) {
        let words = ["run", "--release", "8", "--compose", self.story.compose, "--sync", self.story.sync];
        let words = words.iter().map(|&word| word.to_owned()).collect();
        self.follow([self.host.arguments(), words].concat());
    }

    fn follow(&mut self, words: Vec<String>) {
        self.note(&format!("$ stagegate {}", words.join(" ")));
        self.followers += 1;
        let out = self.host.at(&format!("witness/follower.{}", self.followers));
        let errors = fs::File::create(out.with_extension(format!("{}.err", self.followers))).unwrap();
        let file = fs::File::create(&out).unwrap();
        let mut command = Command::new(PROGRAM);
        let child = command.args(words).stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        self.follower = Some(Follower { child: child.unwrap(), out });
    }

    fn await_screen(&mut self, texts: &[&str]) {
        if let Err(problem) = self.terminal.shows(texts) {
            self.tally.wrong(problem);
        }
    }

    /// Goes on until the gate waits and every kill is done.
    fn go_on(&mut self) {
        let mut kills = self.story.kills.iter().filter(|kill| !matches!(kill.when, When::Key(_))).copied();
        let mut next = kills.next();
        for _ in 0..TRIES {
            while let Event::Due = self.wait(next.as_ref()) {
                if let Some(kill) = next.take() {
                    self.strike(kill);
                }
                next = kills.next();
            }
            match self.needs() {
                Next::Nothing if next.is_none() => return,
                // It came to the gate before the moment did: then it is struck there.
                Next::Nothing => {
                    let kill = next.take().unwrap();
                    self.strike(kill);
                    next = kills.next();
                }
                Next::Begin => self.begin_again(),
                Next::Command(words) => {
                    self.tally.recoveries += 1;
                    self.follow([self.host.arguments(), words].concat());
                }
                Next::Advised(words) => {
                    self.tally.recoveries += 1;
                    self.follow(words);
                }
            }
        }
        self.tally.stuck += 1;
        self.tally.wrong(format!("asked {TRIES} times, and still not at the gate"));
    }

    /// Waits until the moment of `kill` or until nothing moves.
    fn wait(&mut self, kill: Option<&Kill>) -> Event {
        let begun = Instant::now();
        loop {
            self.terminal.look(GLANCE);
            let run = Run::latest(self.host);
            if let Some((kill, run)) = kill.zip(run.as_ref())
                && self.is_due(kill, run)
            {
                let until = Instant::now() + kill.jitter;
                while Instant::now() < until {
                    self.terminal.look(until.saturating_duration_since(Instant::now()));
                }
                return Event::Due;
            }
            if self.is_still(run.as_ref()) {
                return Event::Still;
            }
            if begun.elapsed() > PATIENCE {
                self.tally.wrong(format!("nothing happens; the screen:\n{}", self.terminal.screen()));
                return Event::Still;
            }
        }
    }

    fn is_due(&self, kill: &Kill, run: &Run) -> bool {
        let reached = match kill.when {
            When::Key(_) => false,
            When::Records(more) => run.records().len() as u64 >= self.base.0 + more,
            When::Bytes(more) => run.log_bytes() >= self.base.1 + more,
        };
        let strikes_step = matches!(kill.whom, Whom::Leader | Whom::Descendant);
        reached && (!strikes_step || running(run).is_some_and(|(mark, _)| self.witness_of(&mark).is_some()))
    }

    /// Returns whether nothing moves until somebody does something.
    fn is_still(&mut self, run: Option<&Run>) -> bool {
        let follows = self.follower.as_mut().is_some_and(|it| it.child.try_wait().unwrap().is_none());
        let Some(run) = run.filter(|run| !run.records().is_empty()) else {
            // A console that was told to begin, or a command that does.
            let begins = self.terminal.has_console() && self.told.is_some_and(|at| at.elapsed() < TOLD);
            return !follows && !begins && processes::supervisors(self.host).is_empty();
        };
        if run.is_held() {
            let records = run.records();
            let steps = run.fold(&records, true);
            return run.stands_at(&steps).is_none_or(|(_, step)| step.word == "waiting");
        }
        !follows && processes::supervisors(self.host).is_empty() && !run.is_held()
    }

    /// Does one `kill -9`, and looks at what the program says after it.
    fn strike(&mut self, kill: Kill) {
        let run = Run::latest(self.host);
        let step = run.as_ref().and_then(running).filter(|(mark, _)| self.witness_of(mark).is_some());
        self.note(&format!("kill {kill:?}, at {step:?}"));
        match kill.whom {
            Whom::Console => self.strike_console(kill),
            Whom::Supervisor => self.strike_supervisor(kill),
            Whom::Leader | Whom::Descendant => match step {
                Some((mark, shell)) => self.strike_step(kill, &mark, shell),
                // At the gate no step runs.
                None => self.strike_supervisor(kill),
            },
        }
        if let Some(run) = Run::latest(self.host) {
            self.base = (run.records().len() as u64, run.log_bytes());
        }
    }

    fn strike_console(&mut self, kill: Kill) {
        if !self.terminal.has_console() {
            self.terminal.start(self.host);
            self.await_screen(&["Status"]);
        }
        self.terminal.kill();
        self.tally.killed(Whom::Console);
        // The next one finds the terminal as the killed one left it.
        self.terminal.start(self.host);
        self.await_screen(&["Status"]);
        if kill.which.is_multiple_of(2) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        let way = self.ways.next().unwrap_or(Way::Q);
        if let Err(problem) = self.terminal.leave(way) {
            self.tally.terminals += 1;
            self.tally.wrong(problem);
        }
    }

    fn strike_supervisor(&mut self, kill: Kill) {
        let supervisors = processes::supervisors(self.host);
        let Some(supervisor) = supervisors.first() else {
            self.note("no supervisor to kill");
            return self.strike_console(kill);
        };
        let threads = supervisor.freeze();
        let run = Run::latest(self.host);
        if let Some(run) = &run {
            at_kill(run, &threads, &mut self.tally);
        }
        supervisor.kill();
        self.until_over(supervisor);
        self.tally.killed(Whom::Supervisor);
        let Some(run) = run else { return };
        // Whoever asked for it may be starting the next one already; then there is nothing to compare.
        let known = run.records().len();
        if known > 0 && !run.is_held() {
            let said = self.says(&run);
            if !run.is_held() && run.records().len() == known {
                at_rest(&run, &said, &mut self.tally);
            }
            if said["state"] == "interrupted" && self.terminal.has_console() {
                self.await_screen(&["interrupted"]);
            }
        }
    }

    /// Returns what `stagegate runs` says of the run.
    fn says(&mut self, run: &Run) -> Value {
        let output = self.host.command(&["runs", "--format", "json"]).output().unwrap();
        let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let said = all.as_array().into_iter().flatten().find(|row| row["id"] == run.id.as_str()).cloned();
        if !output.status.success() || said.is_none() {
            self.tally.journals += 1;
            self.tally.wrong(format!("runs: {output:?}"));
        }
        said.unwrap_or_default()
    }

    /// Returns the process that copies what an attempt prints, once the witness is at its place.
    fn witness_of(&self, mark: &str) -> Option<i32> {
        let begins = format!("start {} ", mark.replace('/', ":"));
        let lines = lines(&self.host.at("witness/lives"));
        lines.iter().find_map(|line| line.strip_prefix(&begins)?.parse().ok())
    }

    fn strike_step(&mut self, kill: Kill, mark: &str, shell: Option<i32>) {
        let mut all = processes::of_attempt(self.host, mark);
        // The witness is not the step's.
        let witness = self.witness_of(mark);
        all.retain(|process| Some(process.pid) != witness);
        let leader = shell.or(all.first().map(|process| process.pid));
        let is_leader = |process: &&Process| Some(process.pid) == leader;
        let others: Vec<&Process> = all.iter().filter(|process| !is_leader(process)).collect();
        let struck = match kill.whom {
            Whom::Descendant if !others.is_empty() => Some(others[kill.which as usize % others.len()]),
            _ => all.iter().find(is_leader),
        };
        let Some(struck) = struck else { return self.note("the step was over") };
        struck.kill();
        let whom = if is_leader(&struck) { Whom::Leader } else { Whom::Descendant };
        self.tally.killed(whom);
        self.tally.struck.insert((mark.to_owned(), whom));
        let (pid, name) = (struck.pid, struck.name.clone());
        self.note(&format!("killed {name} ({pid}), {whom:?} of {mark}"));
    }

    /// Waits until nothing of an attempt is left.
    fn until_attempt_over(&mut self, mark: &str) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE
            && processes::of_attempt(self.host, mark).iter().any(|one| !one.is_over())
        {
            self.terminal.look(GLANCE);
        }
    }

    fn until_over(&mut self, process: &Process) {
        let begun = Instant::now();
        while !process.is_over() && begun.elapsed() < PATIENCE {
            self.terminal.look(GLANCE);
        }
    }

    /// Says what a still run needs next, as the program said it, or as an engineer reads it from `runs`.
    fn needs(&mut self) -> Next {
        let Some(run) = Run::latest(self.host).filter(|run| !run.records().is_empty()) else {
            return Next::Begin;
        };
        let held = run.is_held();
        let records = run.records();
        let steps = run.fold(&records, held);
        let Some((id, step)) = run.stands_at(&steps) else { return Next::Nothing };
        if step.word == "waiting" {
            return Next::Nothing;
        }
        // A console at the helm would have to be asked first.
        self.leave();
        let said = self.follower_said();
        self.note(&format!("{} stands at {id} {}: {}", run.id, step.word, said.trim()));
        if let Some(pids) = said.split_once("still alive as process ").map(|(_, rest)| rest) {
            self.survivors(pids);
        }
        self.clear(step);
        // A killed tool leaves half a file to the next step, which says who makes it anew.
        if said.contains("anew: prep does") {
            return Next::Command(vec!["retry".into(), run.id.clone(), "8/prep".into()]);
        }
        let advised = said.lines().find_map(|line| {
            let line = line.trim_start();
            ["go on:", "retry:"].iter().find_map(|what| line.strip_prefix(what))
        });
        if let Some(line) = advised {
            // What is asked for with a reason may be alive, on another host say: somebody looks first.
            if line.contains("--reason") {
                self.until_attempt_over(&format!("{}/{id}/{}", run.id, step.attempt));
            }
            let words = shell_words::split(line).unwrap();
            return Next::Advised(words.into_iter().skip(1).collect());
        }
        let (id, run) = (id.to_owned(), run.id.clone());
        // A step of another host may go on there: somebody looks, and says so.
        if let Some((_, rest)) = said.split_once("`stagegate retry ")
            && let Some((words, _)) = rest.split_once('`')
        {
            self.until_attempt_over(&format!("{run}/{id}/{}", step.attempt));
            let words = shell_words::split(words).unwrap();
            return Next::Command(std::iter::once("retry".to_owned()).chain(words).collect());
        }
        Next::Command(match step.word.as_str() {
            "failed" | "suspect" | "cancelled" => vec!["retry".into(), run, id],
            _ => vec!["resume".into(), run],
        })
    }

    fn begin_again(&mut self) {
        self.leave();
        let said = self.follower_said();
        self.note(&format!("no run was begun: {}", said.trim()));
        self.command();
    }

    /// Waits for the command that follows, and returns what it printed.
    fn follower_said(&mut self) -> String {
        let Some(mut follower) = self.follower.take() else { return String::new() };
        let begun = Instant::now();
        while follower.child.try_wait().unwrap().is_none() {
            self.terminal.look(GLANCE);
            if begun.elapsed() > PATIENCE {
                self.tally.wrong("a command that follows a still run does not end".to_owned());
                follower.child.kill().unwrap();
            }
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let errors = follower.out.with_extension(format!("{}.err", self.followers));
        read(&follower.out) + &read(&errors)
    }

    /// Waits until what outlived its supervisor is over; what takes too long is ended, as the program says.
    fn survivors(&mut self, text: &str) {
        let pids =
            text.split(';').next().unwrap_or_default().split(", ").filter_map(|pid| pid.trim().parse().ok());
        for process in pids.filter_map(Process::of).collect::<Vec<_>>() {
            let begun = Instant::now();
            while !process.is_over() {
                self.terminal.look(GLANCE);
                if begun.elapsed() > SURVIVORS {
                    process.kill();
                }
            }
        }
    }

    /// Removes what the findings of the step say is left over, as they advise.
    fn clear(&mut self, step: &Step) {
        let findings =
            step.judged.as_ref().and_then(|fact| fact["findings"].as_array()).cloned().unwrap_or_default();
        for finding in findings.iter().filter(|finding| finding["check"] == "leftovers") {
            if !finding["advice"].as_str().unwrap_or_default().contains("remove it") {
                continue;
            }
            let path = self.host.staging().join(finding["path"].as_str().unwrap());
            let _gone = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            self.note(&format!("removed {}", path.display()));
        }
    }

    /// Looks at the run at its gate, in a console too, and counts.
    fn rest(&mut self) {
        let Some(run) = Run::latest(self.host) else { return };
        if !self.terminal.has_console() {
            self.terminal.start(self.host);
        }
        self.await_screen(&["waiting"]);
        self.leave();
        let said = self.says(&run);
        at_rest(&run, &said, &mut self.tally);
        for words in [&["status"][..], &["report", &run.id], &["verify-run", &run.id]] {
            let output = self.host.command(words).output().unwrap();
            if !output.status.success() {
                self.tally.journals += 1;
                self.tally.wrong(format!("{words:?}: {output:?}"));
            }
        }
        let steps: BTreeMap<String, Step> = run.fold(&run.records(), true);
        crate::verdict::of_run(self.host, &run, &steps, &mut self.tally);
        self.note("over");
    }
}

/// Returns the mark and the shell of the attempt that runs now.
fn running(run: &Run) -> Option<(String, Option<i32>)> {
    let records = run.records();
    let steps = run.fold(&records, true);
    let (id, step) = steps.iter().find(|(_, step)| step.word == "running" && step.end.is_none())?;
    Some((format!("{}/{id}/{}", run.id, step.attempt), step.shell))
}
