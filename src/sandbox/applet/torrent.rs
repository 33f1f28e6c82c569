//! `torrenttools create …`: writes a real torrent file (BEP 3) for one folder.
//!
//! Trackers, name, comment and excludes are taken from the command line as gen-torrents.sh gives it. The
//! file is written beside its place and renamed: a watch folder must never see half of it.

use super::{Call, complain};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use walkdir::WalkDir;

const PIECE: usize = 256 * 1024;

#[derive(Debug, Default)]
struct Order {
    trackers: Vec<String>,
    name: String,
    comment: String,
    /// Names that end so stay out.
    exclude: Option<String>,
    output: PathBuf,
    folder: PathBuf,
}

/// Runs the tool.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let Some(order) = parse(&call.args) else {
        return complain(
            1,
            "usage: torrenttools create --announce URL… --name NAME [--exclude RE] --output DIR [--threads N] [--comment TEXT] FOLDER",
        );
    };
    let files = files_of(&order)?;
    if files.is_empty() {
        return complain(1, &format!("Path does not exist or is empty: {}", order.folder.display()));
    }
    let torrent = torrent_of(&order, &files)?;
    let place = order.output.join(format!("{}.torrent", order.name));
    let beside = order.output.join(format!(".{}.torrent.part", order.name));
    std::fs::write(&beside, &torrent)?;
    std::fs::rename(&beside, &place)?;
    let bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let mut out = io::stdout().lock();
    writeln!(out, "Name:         {}", order.name)?;
    writeln!(out, "Piece size:   256 KiB")?;
    writeln!(out, "Files:        {} ({bytes} bytes)", files.len())?;
    writeln!(out, "Metafile written to: {}", place.display())?;
    call.linger(std::time::Duration::from_millis(400));
    Ok(0)
}

fn parse(args: &[String]) -> Option<Order> {
    let mut order = Order::default();
    let mut words = args.iter().peekable();
    if words.next()? != "create" {
        return None;
    }
    while let Some(word) = words.next() {
        match word.as_str() {
            "--announce" => {
                while let Some(url) = words.next_if(|next| !next.starts_with("--")) {
                    order.trackers.push(url.clone());
                }
            }
            "--name" => order.name.clone_from(words.next()?),
            "--comment" => order.comment.clone_from(words.next()?),
            "--output" => order.output = PathBuf::from(words.next()?),
            "--exclude" => {
                let pattern = words.next()?;
                order.exclude = Some(pattern.strip_prefix(".*")?.replace('\\', ""));
            }
            "--threads" => drop(words.next()?.parse::<u32>().ok()?),
            option if option.starts_with('-') => return None,
            folder => order.folder = PathBuf::from(folder),
        }
    }
    let complete = !order.name.is_empty() && !order.trackers.is_empty() && order.output.is_dir();
    complete.then_some(order)
}

/// Lists the folder's files with their sizes, links followed, by name.
fn files_of(order: &Order) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for item in WalkDir::new(&order.folder).follow_links(true).sort_by_file_name() {
        let item = item?;
        let excluded =
            order.exclude.as_deref().is_some_and(|end| item.path().to_string_lossy().ends_with(end));
        if item.file_type().is_file() && !excluded {
            let size = item.metadata()?.len();
            files.push((item.into_path(), size));
        }
    }
    Ok(files)
}

fn torrent_of(order: &Order, files: &[(PathBuf, u64)]) -> io::Result<Vec<u8>> {
    let mut listed = Vec::new();
    for (path, size) in files {
        let below = path.strip_prefix(&order.folder).unwrap_or(path);
        let parts = below.components().map(|part| Value::text(part.as_os_str().to_string_lossy())).collect();
        listed.push(Value::dictionary([("length", Value::Number(*size)), ("path", Value::List(parts))]));
    }
    let info = Value::dictionary([
        ("files", Value::List(listed)),
        ("name", Value::text(&order.name)),
        ("piece length", Value::Number(PIECE as u64)),
        ("pieces", Value::Bytes(pieces_of(files)?)),
    ]);
    let tiers = order.trackers.iter().map(|url| Value::List(vec![Value::text(url)])).collect();
    let announce = order.trackers.first().map_or("", String::as_str);
    let whole = Value::dictionary([
        ("announce", Value::text(announce)),
        ("announce-list", Value::List(tiers)),
        ("comment", Value::text(&order.comment)),
        ("info", info),
    ]);
    let mut out = Vec::new();
    whole.encode(&mut out)?;
    Ok(out)
}

/// Hashes the files as one stream, piece by piece.
fn pieces_of(files: &[(PathBuf, u64)]) -> io::Result<Vec<u8>> {
    let mut whole: Box<dyn Read> = Box::new(io::empty());
    for (path, _) in files {
        whole = Box::new(whole.chain(std::fs::File::open(path)?));
    }
    let mut pieces = Vec::new();
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        if whole.by_ref().take(PIECE as u64).read_to_end(&mut piece)? == 0 {
            return Ok(pieces);
        }
        pieces.extend_from_slice(&Sha1::digest(&piece));
    }
}

/// A bencoded value.
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Dictionary(BTreeMap<&'static str, Value>),
}

impl Value {
    fn text(text: impl AsRef<str>) -> Self {
        Self::Bytes(text.as_ref().as_bytes().to_vec())
    }

    fn dictionary<const N: usize>(pairs: [(&'static str, Value); N]) -> Self {
        Self::Dictionary(BTreeMap::from(pairs))
    }

    fn encode(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Number(number) => write!(out, "i{number}e"),
            Self::Bytes(bytes) => {
                write!(out, "{}:", bytes.len())?;
                out.write_all(bytes)
            }
            Self::List(items) => {
                out.push(b'l');
                items.iter().try_for_each(|item| item.encode(out))?;
                out.write_all(b"e")
            }
            Self::Dictionary(pairs) => {
                out.push(b'd');
                for (key, value) in pairs {
                    Self::text(key).encode(out)?;
                    value.encode(out)?;
                }
                out.write_all(b"e")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torrent_holds_the_files_and_the_hashes_of_their_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("Rocky-8.10-x86_64-dvd1");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("CHECKSUM"), "sum").unwrap();
        std::fs::write(folder.join("CHECKSUM.asc"), "out").unwrap();
        std::fs::write(folder.join("x.iso"), vec![7; PIECE]).unwrap();
        let args = [
            "create",
            "--announce",
            "udp://a",
            "udp://b",
            "--name",
            "n",
            "--exclude",
            r".*\/CHECKSUM.asc",
            "--output",
            dir.path().to_str().unwrap(),
            "--threads",
            "10",
            "--comment",
            "c",
            folder.to_str().unwrap(),
        ];
        let order = parse(&args.map(str::to_owned)).unwrap();
        let files = files_of(&order).unwrap();
        assert_eq!(files.len(), 2, "the excluded file is left out");
        let bytes = torrent_of(&order, &files).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with(
            "d8:announce7:udp://a13:announce-listll7:udp://ael7:udp://bee7:comment1:c4:infod5:filesl"
        ));
        assert!(text.contains("d6:lengthi262144e4:pathl5:x.isoee"));
        assert!(text.contains("6:pieces40:"), "two pieces of 20 bytes");
        let first: Vec<u8> = [b"sum".as_slice(), &vec![7; PIECE - 3]].concat();
        let digest = Sha1::digest(&first);
        assert!(bytes.windows(20).any(|window| window == digest.as_slice()));
    }
}
