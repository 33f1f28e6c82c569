//! Signatures under approvals with OpenSSH's own programs: what `ssh-keygen -Y sign` makes is verified here, what is
//! signed here passes `ssh-keygen -Y verify`, and a real agent signs for a key that stays in it.
//!
//! `bash .ci/test` installs the programs; a missing one fails.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use jiff::Timestamp;
use stagegate::signing::agent::Agent;
use stagegate::signing::allowed::AllowedSigners;
use stagegate::signing::own_key::{KeySource, OwnKey};
use stagegate::signing::{NAMESPACE, SigningError, verify};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const TEXT: &str = "stagegate approval 1\nrun: 20261122T184500Z-8-update\nrelease: 8\nreason: naïve\n";

/// Runs a program of OpenSSH; returns what it printed.
#[track_caller]
fn openssh(program: &str, args: &[&str], input: &str, folder: &Path) -> Output {
    let child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("SSH_AUTH_SOCK", folder.join("agent"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{program}: {error}; `bash .ci/test` installs it"));
    // A program that does not read has ended already, and says why.
    let _gone = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a key with ssh-keygen; returns its path.
#[track_caller]
fn keygen(folder: &Path, name: &str, kind: &[&str], passphrase: &str) -> PathBuf {
    let args = [kind, &["-q", "-N", passphrase, "-C", name, "-f", name]].concat();
    good(&openssh("ssh-keygen", &args, "", folder));
    folder.join(name)
}

fn allow(folder: &Path, names: &[&str]) -> AllowedSigners {
    let line = |name: &&str| {
        let key = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
        format!("{name}@example.org namespaces=\"{NAMESPACE}\" {key}")
    };
    let path = folder.join("allowed_signers");
    fs::write(&path, names.iter().map(line).collect::<String>()).unwrap();
    AllowedSigners::read(&path).unwrap()
}

fn nothing_asked(prompt: &str) -> std::io::Result<String> {
    panic!("asked: {prompt}")
}

/// Makes keys of a kind until one can be read; returns its path.
fn readable(folder: &Path, name: &str, kind: &[&str]) -> PathBuf {
    for _ in 0..40 {
        let path = keygen(folder, name, kind, "");
        let allowed = allow(folder, &[name]);
        let key = OwnKey::find(&KeySource::File(path.clone()), None, &allowed, Timestamp::now());
        match key {
            Ok(_) => return path,
            Err(problem) => assert!(says_to_ask_the_agent(&problem, kind), "{name}: {problem}"),
        }
        fs::remove_file(path).unwrap();
    }
    panic!("{name}: none of 40 keys can be read");
}

/// Tells whether an ECDSA key is refused for the zero that its number begins with (see `signing::key_file`).
fn says_to_ask_the_agent(problem: &SigningError, kind: &[&str]) -> bool {
    let said = problem.to_string();
    kind.contains(&"ecdsa") && said.contains("length invalid; `ssh-add` it and sign through the agent")
}

/// Has `ssh-keygen -Y verify` say whether `signature` over `text` is `name`'s.
fn verified_by_openssh(folder: &Path, name: &str, signature: &str, text: &str) -> Output {
    fs::write(folder.join("text.sig"), signature).unwrap();
    let who = format!("{name}@example.org");
    let args = ["-Y", "verify", "-f", "allowed_signers", "-I", &who, "-n", NAMESPACE, "-s", "text.sig"];
    openssh("ssh-keygen", &args, text, folder)
}

const KINDS: [(&str, &[&str]); 5] = [
    ("ed25519", &["-t", "ed25519"]),
    ("rsa", &["-t", "rsa", "-b", "2048"]),
    ("nistp256", &["-t", "ecdsa", "-b", "256"]),
    ("nistp384", &["-t", "ecdsa", "-b", "384"]),
    ("nistp521", &["-t", "ecdsa", "-b", "521"]),
];

#[test]
fn what_one_side_signs_the_other_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, kind) in KINDS {
        let path = readable(folder, name, kind);
        let allowed = allow(folder, &[name]);
        let key = OwnKey::find(&KeySource::File(path), None, &allowed, Timestamp::now()).unwrap();
        assert_eq!(key.principal(), format!("{name}@example.org"));
        let listed = good(&openssh("ssh-keygen", &["-lf", &format!("{name}.pub")], "", folder));
        assert!(listed.contains(&key.fingerprint()), "{listed}");

        let ours = key.sign(TEXT, &mut nothing_asked).unwrap();
        let said = good(&verified_by_openssh(folder, name, &ours, TEXT));
        assert!(said.contains("Good \"approval@stagegate\" signature"), "{said}");
        let other = verified_by_openssh(folder, name, &ours, &TEXT.replace("8-update", "9-update"));
        assert!(!other.status.success(), "{name}: {other:?}");

        let theirs =
            good(&openssh("ssh-keygen", &["-q", "-Y", "sign", "-f", name, "-n", NAMESPACE], TEXT, folder));
        let by = verify::key_of(&theirs, TEXT).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(stagegate::signing::fingerprint(&by), key.fingerprint());
        assert!(verify::key_of(&theirs, &format!("{TEXT}\n")).is_err(), "{name}");
    }
}

#[test]
fn a_key_file_opens_with_its_passphrase_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = keygen(folder, "lena", &["-t", "ed25519"], "correct horse");
    let allowed = allow(folder, &["lena"]);
    let key = OwnKey::find(&KeySource::File(path.clone()), None, &allowed, Timestamp::now()).unwrap();
    let mut asked = Vec::new();
    let signature = key.sign(TEXT, &mut |prompt| {
        asked.push(prompt.to_owned());
        Ok("correct horse".to_owned())
    });
    good(&verified_by_openssh(folder, "lena", &signature.unwrap(), TEXT));
    assert_eq!(asked, [format!("Passphrase of {}: ", path.display())]);
    let wrong = key.sign(TEXT, &mut |_| Ok("wrong".to_owned())).unwrap_err().to_string();
    assert!(wrong.contains("does not open with that passphrase"), "{wrong}");
    let unasked = key.sign(TEXT, &mut |_| Err(std::io::Error::other("no terminal"))).unwrap_err().to_string();
    assert!(unasked.contains("no terminal"), "{unasked}");
}

/// Every fourth key of P-521 begins with a zero: its file is refused with what to do, and an agent signs with it.
#[test]
fn a_key_that_no_file_is_read_of_signs_through_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let _agent = RunningAgent::start(folder);
    for passphrase in ["", "correct horse"] {
        let name = if passphrase.is_empty() { "open" } else { "locked" };
        let kind = ["-t", "ecdsa", "-b", "521"];
        let refused = (0..400).find_map(|_| {
            let path = keygen(folder, name, &kind, passphrase);
            let allowed = allow(folder, &[name]);
            let key = OwnKey::find(&KeySource::File(path.clone()), None, &allowed, Timestamp::now());
            let refused = key.and_then(|key| key.sign(TEXT, &mut |_| Ok(passphrase.to_owned()))).err();
            if refused.is_none() {
                fs::remove_file(path).unwrap();
            }
            refused
        });
        let refused = refused.expect("every fourth key begins with a zero");
        assert!(says_to_ask_the_agent(&refused, &kind), "{refused}");
    }
    good(&openssh("ssh-add", &["-q", "open"], "", folder));
    let allowed = allow(folder, &["open"]);
    let key = OwnKey::in_agent(Agent::at(&folder.join("agent")), None, &allowed, Timestamp::now()).unwrap();
    good(&verified_by_openssh(folder, "open", &key.sign(TEXT, &mut nothing_asked).unwrap(), TEXT));
}

/// An agent that ends with the test.
struct RunningAgent(Child);

impl RunningAgent {
    fn start(folder: &Path) -> Self {
        let agent = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(folder.join("agent"))
            .stdout(Stdio::piped())
            .spawn();
        let mut agent =
            agent.unwrap_or_else(|error| panic!("ssh-agent: {error}; `bash .ci/test` installs it"));
        // It says where it listens once it does.
        let mut line = String::new();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
        Self(agent)
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn an_agent_signs_with_the_one_key_that_may() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["lena", "other", "third"] {
        keygen(folder, name, &["-t", "ed25519"], "");
    }
    keygen(folder, "rsa", &["-t", "rsa", "-b", "2048"], "");
    let _agent = RunningAgent::start(folder);
    let agent = || Agent::at(&folder.join("agent"));
    let add = |name: &str| {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        good(&openssh("ssh-add", &["-q", name], "", folder));
    };
    let find = |allowed: &AllowedSigners, who| OwnKey::in_agent(agent(), who, allowed, Timestamp::now());
    let allowed = allow(folder, &["lena"]);
    let none = find(&allowed, None).unwrap_err();
    assert!(matches!(&none, SigningError::NoKeyFits { has, .. } if has == "no key"), "{none}");
    add("other");
    let none = find(&allowed, None).unwrap_err();
    assert!(matches!(&none, SigningError::NoKeyFits { has, .. } if has.starts_with("SHA256:")), "{none}");
    assert!(none.to_string().contains("`ssh-add`"), "{none}");
    add("lena");
    let key = find(&allowed, None).unwrap();
    assert_eq!(key.principal(), "lena@example.org");
    good(&verified_by_openssh(folder, "lena", &key.sign(TEXT, &mut nothing_asked).unwrap(), TEXT));

    let two = allow(folder, &["lena", "other", "rsa"]);
    assert!(matches!(find(&two, None), Err(SigningError::SeveralKeys { .. })));
    assert_eq!(find(&two, Some("other@example.org")).unwrap().principal(), "other@example.org");
    let wrong = find(&two, Some("nobody@example.org")).unwrap_err();
    assert!(matches!(&wrong, SigningError::NotAllowed { .. }), "{wrong}");
    // An RSA key of an agent signs with SHA-512.
    add("rsa");
    let key = find(&two, Some("rsa@example.org")).unwrap();
    good(&verified_by_openssh(folder, "rsa", &key.sign(TEXT, &mut nothing_asked).unwrap(), TEXT));
}
