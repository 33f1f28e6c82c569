//! The file of those who may sign, in the form of ssh-keygen(1), ALLOWED SIGNERS.
//!
//! It is read strictly: a line that is not understood makes the whole file refused with its number, because whoever
//! reads past it might take somebody for somebody else. Certificate authorities are not taken: each person's own key
//! has its line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;
use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The most that such a file may have; a team's has a few kilobytes.
const LONGEST: u64 = 1024 * 1024;

/// Why the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowedError {
    /// It cannot be read.
    #[error("the allowed signers file {path} cannot be read: {problem}; the catalog names it in [gate]")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A line of it is not understood.
    #[error("the allowed signers file {path}, line {line}: {problem}")]
    Line {
        /// Its path.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// One line: a key, whose it is, and what it may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    principals: String,
    namespaces: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    key: PublicKey,
}

/// Everybody who may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigners {
    path: PathBuf,
    signers: Vec<Signer>,
}

fn unreadable(path: &Path, problem: &impl ToString) -> AllowedError {
    AllowedError::Unreadable { path: path.to_string_lossy().into_owned(), problem: problem.to_string() }
}

/// Says how others than root and the user of this process may change a file or folder, if they may.
fn open_to_others(path: &Path, facts: &fs::Metadata) -> Option<String> {
    if facts.mode() & 0o022 != 0 {
        return Some(format!("others may write to it: `chmod go-w {}`", path.display()));
    }
    let ours = [0, rustix::process::geteuid().as_raw()].contains(&facts.uid());
    (!ours).then(|| "it belongs to another user".to_owned())
}

/// Opens the file, without waiting where it is a FIFO.
fn open(path: &Path) -> Result<File, AllowedError> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    opened.map_err(|error| unreadable(path, &error))
}

impl AllowedSigners {
    /// Reads the file by which production is opened: nobody but root and the user of this process may change it, or put
    /// another in its place.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], and if others may write to it or own it, or to a folder on the way to it.
    pub fn trusted(path: &Path) -> Result<Self, AllowedError> {
        let file = open(path)?;
        let facts = file.metadata().map_err(|error| unreadable(path, &error))?;
        if let Some(problem) = open_to_others(path, &facts) {
            return Err(unreadable(path, &problem));
        }
        // Where the file really is: whoever may rename a folder on the way may put another file there.
        let real = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        for folder in real.ancestors().skip(1) {
            let facts = fs::metadata(folder).map_err(|error| unreadable(path, &error))?;
            // In a sticky folder (/tmp) nobody renames what is another's.
            let is_sticky = facts.mode() & 0o1000 != 0;
            if let Some(problem) = open_to_others(folder, &facts).filter(|_| !is_sticky) {
                return Err(unreadable(path, &format!("of its folder {}: {problem}", folder.display())));
            }
        }
        Self::of(path, file)
    }

    /// Reads the file; times without a zone are those of this host, as for ssh-keygen.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or a line is not understood.
    pub fn read(path: &Path) -> Result<Self, AllowedError> {
        Self::of(path, open(path)?)
    }

    fn of(path: &Path, file: File) -> Result<Self, AllowedError> {
        if !file.metadata().is_ok_and(|facts| facts.is_file()) {
            return Err(unreadable(path, &"it is no file"));
        }
        let mut text = String::new();
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
        if text.len() as u64 > LONGEST {
            return Err(unreadable(path, &format!("it has more than {LONGEST} bytes")));
        }
        Self::parse(path, &text, &TimeZone::system())
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// If a line is not understood.
    pub fn parse(path: &Path, text: &str, zone: &TimeZone) -> Result<Self, AllowedError> {
        let mut signers = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            signers.push(signer(line, zone).map_err(|problem| AllowedError::Line {
                path: path.to_string_lossy().into_owned(),
                line: number,
                problem,
            })?);
        }
        Ok(Self { path: path.to_owned(), signers })
    }

    /// Returns the file's path, to be said.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether `principal` may sign approvals with `key` at that time, or why not.
    ///
    /// # Errors
    ///
    /// A fragment that says what the file has against it.
    pub fn check(&self, principal: &str, key: &KeyData, at: Timestamp) -> Result<(), String> {
        let file = self.path.display();
        let of_key: Vec<&Signer> = self.of_key(key).collect();
        if of_key.is_empty() {
            return Err(format!("{} is not in {file}", super::fingerprint_of(key)));
        }
        let named = of_key.iter().filter(|signer| fits_list(&signer.principals, principal));
        let mut why = format!("{file} has that key for other principals");
        for signer in named {
            match signer.holds(at) {
                Ok(()) => return Ok(()),
                Err(problem) => why = format!("{file}: {problem}"),
            }
        }
        Err(why)
    }

    /// Returns whether the file has the key at all.
    pub fn has(&self, key: &KeyData) -> bool {
        self.of_key(key).next().is_some()
    }

    /// Returns the name under which a key signs: the one that is asked for, else the first that the file has for it.
    ///
    /// # Errors
    ///
    /// A fragment that says why there is none.
    pub fn principal(&self, key: &KeyData, asked: Option<&str>, at: Timestamp) -> Result<String, String> {
        if let Some(asked) = asked {
            return self.check(asked, key, at).map(|()| asked.to_owned());
        }
        let names = self.of_key(key).flat_map(|signer| signer.principals.split(','));
        let mut literal = names.filter(|name| !name.is_empty() && !name.contains(['*', '?', '!']));
        let mut why = None;
        let found = literal.find(|name| match self.check(name, key, at) {
            Ok(()) => true,
            Err(problem) => {
                why.get_or_insert(problem);
                false
            }
        });
        match (found, why) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, Some(problem)) => Err(problem),
            (None, None) if self.has(key) => {
                Err(format!("{} has patterns for it; say who you are: --principal NAME", self.path.display()))
            }
            (None, None) => Err(format!("it is not in {}", self.path.display())),
        }
    }

    fn of_key<'a>(&'a self, key: &'a KeyData) -> impl Iterator<Item = &'a Signer> {
        self.signers.iter().filter(move |signer| signer.key.key_data() == key)
    }
}

impl Signer {
    fn holds(&self, at: Timestamp) -> Result<(), String> {
        if self.namespaces.as_ref().is_some_and(|list| !fits_list(list, super::NAMESPACE)) {
            return Err(format!("the key is not for the namespace {}", super::NAMESPACE));
        }
        match (self.after, self.before) {
            (Some(after), _) if at < after => Err(format!("the key is not valid before {after}")),
            (_, Some(before)) if at >= before => Err(format!("the key was valid until {before}")),
            _ => Ok(()),
        }
    }
}

/// Parses `PRINCIPALS [OPTIONS] TYPE KEY [COMMENT]`.
fn signer(line: &str, zone: &TimeZone) -> Result<Signer, String> {
    let (principals, rest) = word(line)?;
    if principals.is_empty() {
        return Err("it names nobody".to_owned());
    }
    let key =
        |rest: &str| PublicKey::from_openssh(rest).map_err(|error| format!("not a public key: {error}"));
    if rest.is_empty() {
        return Err("it has no key".to_owned());
    }
    let (first, after_first) = word_raw(rest)?;
    let (mut namespaces, mut after, mut before) = (None, None, None);
    let is_type = ["ssh-", "ecdsa-", "sk-"].iter().any(|begins| first.starts_with(begins));
    if is_type {
        return Ok(Signer { principals, namespaces, after, before, key: key(rest)? });
    }
    for option in options(first)? {
        let (name, value) =
            option.split_once('=').map_or((option.as_str(), None), |(name, value)| (name, Some(value)));
        let value = value.map(|value| value.trim_matches('"'));
        match (name.to_ascii_lowercase().as_str(), value) {
            ("cert-authority", _) => {
                return Err("cert-authority is not taken here; give each person's own key a line".to_owned());
            }
            ("namespaces", Some(list)) => namespaces = Some(list.to_owned()),
            ("valid-after", Some(time)) => after = Some(moment(time, zone)?),
            ("valid-before", Some(time)) => before = Some(moment(time, zone)?),
            _ => {
                return Err(format!(
                    "the option `{name}` is not known; expected namespaces=\"…\", valid-after=\"…\" or valid-before=\"…\""
                ));
            }
        }
    }
    Ok(Signer { principals, namespaces, after, before, key: key(after_first)? })
}

/// Takes the first word, without the quotes that it may stand in.
fn word(text: &str) -> Result<(String, &str), String> {
    let (first, rest) = word_raw(text)?;
    if first.starts_with('"') && first.len() >= 2 && first.ends_with('"') {
        return Ok((first[1..first.len() - 1].to_owned(), rest));
    }
    if first.contains('"') {
        return Err("a quotation mark within a name".to_owned());
    }
    Ok((first.to_owned(), rest))
}

/// Takes what comes before the first blank that is not within quotes.
fn word_raw(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return Ok((&text[..at], text[at..].trim_start())),
            _ => {}
        }
    }
    if quoted { Err("a quotation mark is not closed".to_owned()) } else { Ok((text, "")) }
}

/// Splits options at the commas that are not within quotes.
fn options(text: &str) -> Result<Vec<String>, String> {
    let (mut all, mut one, mut quoted) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        match character {
            ',' if !quoted => all.push(std::mem::take(&mut one)),
            _ => {
                quoted ^= character == '"';
                one.push(character);
            }
        }
    }
    all.push(one);
    if all.iter().any(String::is_empty) { Err("an option without a name".to_owned()) } else { Ok(all) }
}

/// Parses `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, with a `Z` in UTC, else in the host's zone.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let wrong = || format!("`{text}` is no time; expected YYYYMMDD or YYYYMMDDHHMM[SS], with Z for UTC");
    let (digits, zone) =
        text.strip_suffix('Z').map_or((text, zone.clone()), |digits| (digits, TimeZone::UTC));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        return Err(wrong());
    }
    let part =
        |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i8>().ok()).unwrap_or(0);
    let year = digits[..4].parse::<i16>().map_err(|_| wrong())?;
    let time = DateTime::new(year, part(4, 6), part(6, 8), part(8, 10), part(10, 12), part(12, 14), 0);
    let time = time.and_then(|time| time.to_zoned(zone)).map_err(|_| wrong())?;
    Ok(time.timestamp())
}

/// Returns whether `name` fits a list of patterns as ssh has them (`ssh_config(5)`, PATTERNS): one must fit, no `!` one may.
fn fits_list(list: &str, name: &str) -> bool {
    let mut fits = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if fits_pattern(not.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => fits |= fits_pattern(pattern.as_bytes(), name.as_bytes()),
        }
    }
    fits
}

/// Returns whether `name` fits `pattern`, in which `*` stands for anything and `?` for one byte.
fn fits_pattern(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on from when what follows the last `*` does not fit.
    let (mut at, mut from, mut again) = (0, 0, None);
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                again = Some((at, from));
            }
            Some(byte) if *byte == b'?' || *byte == name[from] => {
                at += 1;
                from += 1;
            }
            _ => match again {
                Some((star, taken)) => {
                    at = star;
                    from = taken + 1;
                    again = Some((star, from));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
