//! Agents that do not do what agents do; with a real one signs `tests/signatures.rs`.

use super::super::tests::key;
use super::*;
use std::os::unix::net::UnixListener;
use std::thread;

/// Returns an agent that answers whatever it is asked with `bytes`, and its folder.
fn answering(bytes: &'static [u8]) -> (tempfile::TempDir, Agent) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut asked = [0; 5];
            // A client that gives up before it asks is none.
            let _gone = stream.read_exact(&mut asked).and_then(|()| stream.write_all(bytes));
        }
    });
    let agent = Agent::at(&socket);
    (folder, agent)
}

#[test]
fn an_agent_that_is_not_there_is_said() {
    let error = Agent::at(Path::new("/nowhere/agent")).keys().unwrap_err().to_string();
    assert!(error.starts_with("the SSH agent at /nowhere/agent cannot be reached: No such file"), "{error}");
    assert!(error.contains("--key FILE"), "{error}");
}

#[test]
fn an_agent_without_keys_has_none() {
    let (_folder, agent) = answering(&[0, 0, 0, 5, 12, 0, 0, 0, 0]);
    assert!(agent.keys().unwrap().is_empty());
}

#[test]
fn nonsense_is_an_error_and_takes_no_memory() {
    for nonsense in [
        &[0xff, 0xff, 0xff, 0xff, 12][..],
        &[0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 0, 0],
        &[0, 0, 0, 1, 200],
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (_folder, agent) = answering(nonsense);
        let error = agent.keys().unwrap_err().to_string();
        assert!(error.contains("does not answer as agents do"), "{nonsense:?}: {error}");
    }
}

#[test]
fn an_agent_that_refuses_is_said() {
    let (_folder, agent) = answering(&[0, 0, 0, 1, 5]);
    let error = agent.sign(key(1).public_key(), "text").unwrap_err().to_string();
    assert!(error.contains("refuses to sign"), "{error}");
}

#[test]
fn an_agent_that_hangs_is_given_up_at_its_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let _listener = UnixListener::bind(&socket).unwrap();
    let agent = Agent::at(&socket);
    let mut client = agent.connect(Duration::from_millis(50)).unwrap();
    let error = client.list_all_identities().unwrap_err();
    assert!(agent.failed(&error).to_string().contains("does not answer in time"), "{error}");
}
