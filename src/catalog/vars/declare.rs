//! The parser of what bash's `declare -p` prints.
//!
//! Scalars, indexed and associative arrays, in the quoting of bash 4.4 to 5.3: `"…"` with backslashes, `'…'`
//! and `$'…'`. It takes nothing else: no expansion, no command substitution. The format is that of bash's
//! `variables.c` (`print_var_value`, `print_array_assignment`, `print_assoc_assignment`) and `ansic_quote`.

use std::collections::BTreeMap;

/// The value of a shell variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) enum Shell {
    /// A plain variable.
    Scalar(String),
    /// An indexed array, in the order of its indices.
    List(Vec<String>),
    /// An associative array.
    Map(BTreeMap<String, String>),
}

/// The error of a text that `declare -p` does not print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bash's answer could not be read at byte {at}: expected {expected}")]
pub(in crate::catalog) struct DeclareError {
    at: usize,
    expected: &'static str,
}

/// Reads the whole output of `declare -p`; variables without a value are left out.
pub(in crate::catalog) fn parse(text: &[u8]) -> Result<BTreeMap<String, Shell>, DeclareError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut variables = BTreeMap::new();
    loop {
        cursor.skip(b"\n");
        if cursor.peek().is_none() {
            return Ok(variables);
        }
        cursor.expect(b"declare -", "`declare -`")?;
        let flags = cursor.until(b" ");
        cursor.expect(b" ", "a blank")?;
        let name = cursor.until(b"=\n");
        let name = cursor.utf8(name.to_vec())?;
        if cursor.peek() == Some(b'=') {
            cursor.at += 1;
            variables.insert(name, cursor.value(flags.contains(&b'A'))?);
        }
        if !matches!(cursor.peek(), None | Some(b'\n')) {
            return Err(cursor.error("the end of the line"));
        }
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn error(&self, expected: &'static str) -> DeclareError {
        DeclareError { at: self.at, expected }
    }

    fn expect(&mut self, wanted: &[u8], name: &'static str) -> Result<(), DeclareError> {
        if !self.text[self.at..].starts_with(wanted) {
            return Err(self.error(name));
        }
        self.at += wanted.len();
        Ok(())
    }

    fn skip(&mut self, bytes: &[u8]) {
        while self.peek().is_some_and(|byte| bytes.contains(&byte)) {
            self.at += 1;
        }
    }

    fn until(&mut self, ends: &[u8]) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|byte| !ends.contains(&byte)) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn utf8(&self, bytes: Vec<u8>) -> Result<String, DeclareError> {
        String::from_utf8(bytes).map_err(|_| self.error("UTF-8"))
    }

    fn value(&mut self, associative: bool) -> Result<Shell, DeclareError> {
        if self.peek() != Some(b'(') {
            return self.word(b"\n").map(Shell::Scalar);
        }
        self.at += 1;
        let (mut list, mut map) = (BTreeMap::new(), BTreeMap::new());
        loop {
            self.skip(b" ");
            match self.next() {
                Some(b')') => break,
                Some(b'[') => {}
                _ => return Err(self.error("`[` or `)`")),
            }
            let key = self.word(b"]")?;
            self.expect(b"]=", "`]=`")?;
            let value = self.word(b" )")?;
            if associative {
                map.insert(key, value);
            } else {
                list.insert(key.parse::<u64>().map_err(|_| self.error("an index"))?, value);
            }
        }
        Ok(if associative { Shell::Map(map) } else { Shell::List(list.into_values().collect()) })
    }

    /// Reads quoted and bare pieces up to one of `ends`, which must come.
    fn word(&mut self, ends: &[u8]) -> Result<String, DeclareError> {
        let mut out = Vec::new();
        while let Some(byte) = self.peek().filter(|byte| !ends.contains(byte)) {
            self.at += 1;
            match byte {
                b'"' => self.double_quoted(&mut out)?,
                b'\'' => self.single_quoted(&mut out)?,
                b'$' if self.peek() == Some(b'\'') => {
                    self.at += 1;
                    self.ansi_quoted(&mut out)?;
                }
                b'\\' => out.push(self.next().ok_or_else(|| self.error("a character"))?),
                bare => out.push(bare),
            }
        }
        self.utf8(out)
    }

    fn double_quoted(&mut self, out: &mut Vec<u8>) -> Result<(), DeclareError> {
        loop {
            match self.next().ok_or_else(|| self.error("`\"`"))? {
                b'"' => return Ok(()),
                b'\\' => match self.next().ok_or_else(|| self.error("a character"))? {
                    b'\n' => {}
                    escaped @ (b'"' | b'\\' | b'$' | b'`') => out.push(escaped),
                    other => out.extend([b'\\', other]),
                },
                byte => out.push(byte),
            }
        }
    }

    fn single_quoted(&mut self, out: &mut Vec<u8>) -> Result<(), DeclareError> {
        out.extend(self.until(b"'"));
        self.expect(b"'", "`'`")
    }

    fn ansi_quoted(&mut self, out: &mut Vec<u8>) -> Result<(), DeclareError> {
        loop {
            match self.next().ok_or_else(|| self.error("`'`"))? {
                b'\'' => return Ok(()),
                b'\\' => self.ansi_escape(out)?,
                byte => out.push(byte),
            }
        }
    }

    fn ansi_escape(&mut self, out: &mut Vec<u8>) -> Result<(), DeclareError> {
        let byte = match self.next().ok_or_else(|| self.error("an escape"))? {
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' | b'E' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'c' => self.next().ok_or_else(|| self.error("a control character"))? & 0x1f,
            b'x' => self.number(16, 2, 0)? as u8,
            first @ b'0'..=b'7' => self.number(8, 2, u32::from(first - b'0'))? as u8,
            long @ (b'u' | b'U') => {
                let code = self.number(16, if long == b'u' { 4 } else { 8 }, 0)?;
                let character = char::from_u32(code).ok_or_else(|| self.error("a Unicode character"))?;
                out.extend(character.encode_utf8(&mut [0; 4]).bytes());
                return Ok(());
            }
            other => other,
        };
        out.push(byte);
        Ok(())
    }

    /// Reads up to `most` digits after `start`.
    fn number(&mut self, radix: u32, most: usize, start: u32) -> Result<u32, DeclareError> {
        let mut number = start;
        let mut digits = 0;
        while digits < most
            && let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(radix))
        {
            number = number.wrapping_mul(radix).wrapping_add(digit);
            digits += 1;
            self.at += 1;
        }
        if digits == 0 && radix == 16 { Err(self.error("a digit")) } else { Ok(number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn scalar(text: &str) -> Shell {
        Shell::Scalar(text.to_owned())
    }

    fn list(items: &[&str]) -> Shell {
        Shell::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn reads_every_form() {
        let text = br#"declare -- A="8.5"
declare -x RLVER="8"
declare -a ARCHES=([0]="x86_64" [1]="aarch64")
declare -a EMPTY=()
declare -a NONE
declare -A SIG=([storage]="gluster9" ["two words"]="x" )
declare -ir N="5"
declare -- Q="a \"b\" \$c \\ \`d\` \z"
declare -- E=$'one\ntwo\t\'\\ \101\x42\u00fc'
declare -- LINES="one
two"
declare -a SPARSE=([10]="ten" [2]="two")
"#;
        let variables = parse(text).unwrap();
        assert_eq!(variables["A"], scalar("8.5"));
        assert_eq!(variables["RLVER"], scalar("8"));
        assert_eq!(variables["ARCHES"], list(&["x86_64", "aarch64"]));
        assert_eq!(variables["EMPTY"], list(&[]));
        assert!(!variables.contains_key("NONE"));
        let sigs = [("storage", "gluster9"), ("two words", "x")];
        assert_eq!(variables["SIG"], Shell::Map(sigs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()));
        assert_eq!(variables["N"], scalar("5"));
        assert_eq!(variables["Q"], scalar("a \"b\" $c \\ `d` \\z"));
        assert_eq!(variables["E"], scalar("one\ntwo\t'\\ ABü"));
        assert_eq!(variables["LINES"], scalar("one\ntwo"));
        assert_eq!(variables["SPARSE"], list(&["two", "ten"]));
    }

    #[test]
    fn refuses_what_bash_does_not_print() {
        for text in [
            "REVISION=8",
            "declare -- A=\"x",
            "declare -a A=(x)",
            "declare -a A=([x]=\"1\")",
            "declare -- A=$'\\ud800'",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"declare -- A=\"\xff\"").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
            let _ = parse(&[b"declare -A A=([", text.as_slice()].concat());
            let _ = parse(&[b"declare -- A=$'", text.as_slice()].concat());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn whatever_bash_holds_comes_back(texts in proptest::collection::vec("[^\u{0}]{0,12}", 1..12)) {
            let script = "S=$1; L=(\"$@\"); declare -A M; for k; do M[\"x$k\"]=$k; done; declare -p S L M";
            let output = Command::new("bash").args(["-c", script, "bash"]).args(&texts).env("LC_ALL", "C.UTF-8")
                .output().unwrap();
            prop_assume!(output.status.success() && output.stderr.is_empty());
            let variables = parse(&output.stdout).unwrap();
            prop_assert_eq!(&variables["S"], &Shell::Scalar(texts[0].clone()));
            prop_assert_eq!(&variables["L"], &Shell::List(texts.clone()));
            let map = texts.iter().map(|text| (format!("x{text}"), text.clone())).collect();
            prop_assert_eq!(&variables["M"], &Shell::Map(map));
        }
    }
}
