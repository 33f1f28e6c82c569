//! The options of the practice rsync: the part of rsync's command line that release scripts use.
//!
//! An option that it does not carry out is refused with rsync's own exit code 1, never ignored: a
//! script must not believe that something was done.

use super::numbers::Style;

/// What happens to files that only the destination has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Extraneous {
    /// They stay, rsync's default.
    #[default]
    Keep,
    /// They are removed (`--delete`).
    Delete,
}

/// How much is said about each name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Names {
    /// Nothing.
    #[default]
    Silent,
    /// The name alone (`-v`).
    Plain,
    /// The name after its changes (`--itemize-changes`).
    Itemized,
}

/// What makes two files equal without looking into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum QuickCheck {
    /// Size and modification time.
    #[default]
    SizeAndTime,
    /// Size alone (`--size-only`).
    Size,
}

/// Owner and group for everything that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// Numeric user id.
    pub(super) user: u32,
    /// Numeric group id.
    pub(super) group: u32,
}

/// Whether anything is changed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mode {
    /// Files are copied.
    #[default]
    Copy,
    /// Nothing is changed (`-n`).
    DryRun,
}

/// How a source path becomes a name in the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Naming {
    /// By its last component.
    #[default]
    LastComponent,
    /// By the whole path as it was written (`--relative`).
    WholePath,
}

/// How far a source that is a folder is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Depth {
    /// The folder alone, without its content.
    #[default]
    Itself,
    /// Everything below it (`-r`, `-a`).
    Whole,
}

/// A parsed command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) mode: Mode,
    pub(super) names: Names,
    /// `-v` was given: the heading and the totals are printed.
    pub(super) verbose: bool,
    pub(super) progress: bool,
    pub(super) depth: Depth,
    pub(super) style: Style,
    pub(super) naming: Naming,
    pub(super) extraneous: Extraneous,
    pub(super) check: QuickCheck,
    pub(super) owner: Option<Owner>,
    /// Paths to copy, as written.
    pub(super) sources: Vec<String>,
    pub(super) destination: String,
}

impl Options {
    /// Parses the arguments after the program's name; the error is what rsync would say.
    pub(super) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self {
            mode: Mode::default(),
            names: Names::default(),
            verbose: false,
            progress: false,
            depth: Depth::default(),
            style: Style::Commas,
            naming: Naming::default(),
            extraneous: Extraneous::default(),
            check: QuickCheck::default(),
            owner: None,
            sources: Vec::new(),
            destination: String::new(),
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                options.sources.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                options.long(long)?;
            } else if let Some(short) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                short.chars().try_for_each(|letter| options.short(letter))?;
            } else {
                options.sources.push(word.clone());
            }
        }
        options.destination = options.sources.pop().unwrap_or_default();
        if options.sources.is_empty() {
            return Err("a source and a destination are needed".to_owned());
        }
        Ok(options)
    }

    fn long(&mut self, option: &str) -> Result<(), String> {
        match option.split_once('=').unwrap_or((option, "")) {
            ("archive", "") => self.depth = Depth::Whole,
            ("verbose", "") => self.be_verbose(),
            ("progress", "") => self.progress = true,
            ("relative", "") => self.naming = Naming::WholePath,
            ("human-readable", "") => self.style = Style::Human,
            ("delete", "") => self.extraneous = Extraneous::Delete,
            ("dry-run", "") => self.mode = Mode::DryRun,
            ("itemize-changes", "") => self.names = Names::Itemized,
            ("size-only", "") => self.check = QuickCheck::Size,
            ("chown", owner) => self.owner = Some(parse_owner(owner)?),
            _ => return Err(format!("--{option}: unknown option")),
        }
        Ok(())
    }

    fn short(&mut self, letter: char) -> Result<(), String> {
        match letter {
            'a' | 'r' => self.depth = Depth::Whole,
            // Links, modes, times, owners and devices are what a copy keeps here anyway.
            'l' | 'p' | 't' | 'g' | 'o' | 'D' => {}
            'v' => self.be_verbose(),
            'h' => self.style = Style::Human,
            'R' => self.naming = Naming::WholePath,
            'n' => self.mode = Mode::DryRun,
            'i' => self.names = Names::Itemized,
            _ => return Err(format!("-{letter}: unknown option")),
        }
        Ok(())
    }

    fn be_verbose(&mut self) {
        self.verbose = true;
        if self.names == Names::Silent {
            self.names = Names::Plain;
        }
    }
}

fn parse_owner(text: &str) -> Result<Owner, String> {
    let parts =
        text.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    let (user, group) = parts.ok_or_else(|| format!("--chown={text}: expected UID:GID"))?;
    Ok(Owner { user, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_scripts_own_command_line_is_understood() {
        let options =
            parse("-av --chown=10004:10005 --progress --relative --human-readable BaseOS/x86_64 /t")
                .expect("good");
        assert_eq!(options.owner, Some(Owner { user: 10004, group: 10005 }));
        assert_eq!(options.naming, Naming::WholePath);
        assert!(options.verbose && options.progress && options.depth == Depth::Whole);
        assert_eq!(options.sources, ["BaseOS/x86_64"]);
        assert_eq!(options.destination, "/t");
    }

    #[test]
    fn what_is_not_carried_out_is_refused() {
        assert_eq!(parse("-aH a b"), Err("-H: unknown option".to_owned()));
        assert_eq!(parse("--bwlimit=3 a b"), Err("--bwlimit=3: unknown option".to_owned()));
        assert!(parse("-a onlyone").is_err());
    }

    #[test]
    fn itemizing_wins_over_plain_names() {
        assert_eq!(parse("-nvi a b").map(|o| (o.names, o.mode)), Ok((Names::Itemized, Mode::DryRun)));
        assert_eq!(parse("-ivn a b").map(|o| o.names), Ok(Names::Itemized));
    }
}
