//! What is in the log after a kill at every moment between a read and an empty room.

use super::*;

struct Place {
    folder: tempfile::TempDir,
    log: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("03-8-sync-Rocky.log");
        File::create(&log).unwrap();
        Self { folder, log }
    }

    fn append(&self, bytes: &[u8]) {
        OpenOptions::new().append(true).open(&self.log).unwrap().write_all(bytes).unwrap();
    }

    /// Recovers, and returns what was appended and the log.
    fn recovered(&self) -> (u64, Vec<u8>) {
        let mut all = recover(self.folder.path());
        assert_eq!(all.len(), 1);
        let (log, bytes) = all.remove(0);
        assert_eq!(log, self.log);
        assert!(!path_of(&self.log).exists() && recover(self.folder.path()).is_empty());
        (bytes.unwrap(), std::fs::read(&self.log).unwrap())
    }
}

fn lands(landing: &mut Landing, bytes: &[u8]) {
    let read = |room: &mut [u8]| -> Result<usize, io::Error> {
        room[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    };
    assert_eq!(landing.take(read).unwrap().unwrap(), bytes.len());
}

#[test]
fn what_has_landed_is_handed_out_until_it_is_cleared() {
    let place = Place::new();
    let mut landing = Landing::create(&place.log).unwrap();
    lands(&mut landing, b"one\n");
    lands(&mut landing, b"two\n");
    assert_eq!((landing.filled(), landing.room()), (8, ROOM - 8));
    assert_eq!(landing.waiting(<[u8]>::to_vec).unwrap(), b"one\ntwo\n");
    landing.clear(8).unwrap();
    assert_eq!((landing.filled(), landing.room()), (0, ROOM));
    landing.remove().unwrap();
    assert!(recover(place.folder.path()).is_empty());
}

#[test]
fn a_kill_before_the_append_loses_nothing() {
    let place = Place::new();
    let mut landing = Landing::create(&place.log).unwrap();
    lands(&mut landing, b"written\n");
    place.append(b"written\n");
    landing.clear(8).unwrap();
    lands(&mut landing, b"on its way\n\0\0");
    drop(landing);
    assert_eq!(place.recovered(), (13, b"written\non its way\n\0\0".to_vec()));
}

#[test]
fn a_kill_before_a_read_was_noted_loses_nothing() {
    let place = Place::new();
    let mut landing = Landing::create(&place.log).unwrap();
    lands(&mut landing, b"noted ");
    // The kernel has copied, and the process never came back from its call.
    let unnoted = |room: &mut [u8]| -> Result<usize, ()> {
        room[..6].copy_from_slice(b"or not");
        Err(())
    };
    landing.take(unnoted).unwrap().unwrap_err();
    drop(landing);
    assert_eq!(place.recovered(), (12, b"noted or not".to_vec()));
}

#[test]
fn a_kill_at_any_byte_of_the_append_and_before_the_clear_doubles_nothing() {
    let text = b"appended in part\n";
    for done in 0..=text.len() {
        let place = Place::new();
        let mut landing = Landing::create(&place.log).unwrap();
        place.append(b"before\n");
        landing.clear(7).unwrap();
        lands(&mut landing, text);
        place.append(&text[..done]);
        drop(landing);
        let (missing, log) = place.recovered();
        assert_eq!(missing, (text.len() - done) as u64);
        assert_eq!(log, [b"before\n".as_slice(), text].concat());
    }
}

#[test]
fn a_kill_in_the_middle_of_a_clear_doubles_nothing() {
    let place = Place::new();
    let mut landing = Landing::create(&place.log).unwrap();
    lands(&mut landing, b"written\n");
    place.append(b"written\n");
    drop(landing);
    // The room is empty, and the head is that of before.
    let path = path_of(&place.log);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEAD..].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(place.recovered(), (0, b"written\n".to_vec()));
}

#[test]
fn a_full_room_is_recovered_whole() {
    let place = Place::new();
    let mut landing = Landing::create(&place.log).unwrap();
    lands(&mut landing, &vec![b'x'; ROOM]);
    assert_eq!(landing.room(), 0);
    drop(landing);
    assert_eq!(place.recovered(), (ROOM as u64, vec![b'x'; ROOM]));
}

#[test]
fn what_is_no_landing_stays_and_is_told() {
    let place = Place::new();
    let path = path_of(&place.log);
    for garbage in [Vec::new(), MAGIC.to_vec(), vec![0; HEAD + ROOM]] {
        std::fs::write(&path, garbage).unwrap();
        let (_, outcome) = recover(place.folder.path()).remove(0);
        assert!(outcome.unwrap_err().to_string().contains("stays beside its log"));
        assert!(path.exists() && std::fs::read(&place.log).unwrap().is_empty());
    }
    assert!(recover(&place.folder.path().join("nowhere")).is_empty());
}
