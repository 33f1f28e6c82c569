//! Tells from the last, unfinished line of output whether a command asks for something.
//!
//! Pure text. It is the second-best sign: the best is a process that sleeps in a read of the terminal
//! ([`super::group::Tree::reader_of_terminal`]), which not every tool and not every kernel shows.

use memchr::memmem;

/// How sure the text makes us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// The wording of a tool known to wait there: sudo, ssh, gpg, a pinentry.
    Known,
    /// It ends as questions do; believed only after a silence.
    Probable,
    /// Not a question.
    None,
}

/// What known tools print, in lower case, before they wait (reality §6; ssh and sudo sources).
const KNOWN: &[&str] = &[
    "[sudo] password for ",
    "'s password:",
    "enter passphrase",
    "overwrite? (y/n)",
    "(yes/no)?",
    "(yes/no/[fingerprint])?",
    "type 'yes', 'no' or the fingerprint",
    "enter pin for",
    "vault password:",
];

/// Judges an unfinished line, already free of escape sequences.
pub fn likeness(line: &str) -> Likeness {
    let line = line.trim_end();
    let lower = line.to_lowercase();
    if KNOWN.iter().any(|known| lower.contains(known)) || lower == "password:" {
        return Likeness::Known;
    }
    let ends = [":", "?", "(y/n)", "[y/n]", "(yes/no)", "> "];
    if !line.is_empty() && ends.iter().any(|end| lower.ends_with(end)) {
        return Likeness::Probable;
    }
    Likeness::None
}

/// Tells whether the last thing that `tail` did was to enter the alternate screen, as a pinentry does.
pub fn in_alternate_screen(tail: &[u8]) -> bool {
    let last = |what: &[u8]| memmem::rfind(tail, what);
    match (last(b"\x1b[?1049h"), last(b"\x1b[?1049l")) {
        (Some(entered), Some(left)) => entered > left,
        (entered, _) => entered.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_told_from_output() {
        for known in [
            "[sudo] password for releng: ",
            "Password: ",
            "releng@errata01's password: ",
            "Enter passphrase for key '/root/.ssh/id_ed25519': ",
            "File 'repomd.xml.asc' exists. Overwrite? (y/N) ",
            "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
        ] {
            assert_eq!(likeness(known), Likeness::Known, "{known}");
        }
        for probable in ["Continue? ", "Name: ", "Proceed [y/N]"] {
            assert_eq!(likeness(probable), Likeness::Probable, "{probable}");
        }
        for none in ["", "   ", "Hashed 7 of 7 pieces.", "  3.00M 100%    2.51MB/s    0:00:01"] {
            assert_eq!(likeness(none), Likeness::None, "{none}");
        }
    }

    #[test]
    fn a_pinentry_is_seen_until_it_leaves() {
        assert!(in_alternate_screen(b"x\x1b[?1049h\x1b[2JPassphrase"));
        assert!(!in_alternate_screen(b"x\x1b[?1049h\x1b[2J\x1b[?1049lmore"));
        assert!(in_alternate_screen(b"\x1b[?1049h\x1b[?1049l\x1b[?1049h"));
        assert!(!in_alternate_screen(b"plain"));
    }
}
