//! Every compression there and back, in parts, cut short, damaged, and as a bomb.

use super::*;
use proptest::prelude::*;
use std::io::Write as _;

const ALL: [Compression; 5] =
    [Compression::Plain, Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2];

pub(crate) fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Plain => bytes.to_vec(),
        Compression::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Xz => {
            let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        Compression::Bzip2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
    }
}

fn inflate(packed: &[u8], limit: Limit) -> Result<(Compression, Vec<u8>), Problem> {
    let mut stream = Inflated::new(packed, limit)?;
    let mut plain = Vec::new();
    stream.read_to_end(&mut plain)?;
    Ok((stream.compression(), plain))
}

#[test]
fn each_is_told_by_its_first_bytes_and_may_come_in_parts() {
    for compression in ALL {
        let mut packed = pack(compression, b"<first/>");
        packed.extend(pack(compression, b"<second/>"));
        let (told, plain) = inflate(&packed, Limit::new(100)).unwrap();
        assert_eq!((told, plain.as_slice()), (compression, &b"<first/><second/>"[..]), "{compression:?}");
    }
}

#[test]
fn what_is_cut_short_or_damaged_is_said_to_be() {
    let content: Vec<u8> =
        (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for compression in &ALL[1..] {
        let packed = pack(*compression, &content);
        for length in [packed.len() / 2, packed.len() - 1, 7] {
            let problem = inflate(&packed[..length], Limit::new(1 << 30)).unwrap_err();
            assert!(matches!(problem, Problem::Damaged { .. }), "{compression:?} {length}: {problem:?}");
        }
        let mut damaged = packed.clone();
        damaged[packed.len() / 2] ^= 0xff;
        let inflated = inflate(&damaged, Limit::new(1 << 30));
        // A zstd frame need not have a checksum of its own; the one in repomd.xml tells.
        let unseen =
            *compression == Compression::Zstd && inflated.as_ref().is_ok_and(|(_, plain)| *plain != content);
        assert!(inflated.is_err() || unseen, "{compression:?} with a wrong byte");
    }
    assert_eq!(inflate(b"\0ZCK1 whatever", Limit::new(100)), Err(Problem::Zchunk));
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    for compression in ALL {
        let packed = pack(compression, &zeros);
        let mut stream = Inflated::new(&*packed, Limit::new(1 << 40).claimed(Some(1000))).unwrap();
        let (mut buffer, mut most) = ([0; 4096], 0);
        let problem = loop {
            match stream.read(&mut buffer) {
                Ok(0) => panic!("{compression:?} came to its end"),
                Ok(read) => most += read,
                Err(error) => break Problem::from(error),
            }
        };
        assert_eq!(problem, Problem::TooLong { limit: Limit::SMALL }, "{compression:?}");
        assert!(most as u64 <= Limit::SMALL);
    }
}

#[test]
fn a_claim_is_believed_within_reason() {
    let limit = Limit::new(1 << 32);
    assert_eq!(limit.bytes(), Ok(1 << 32));
    assert_eq!(limit.claimed(Some(10)).bytes(), Ok(Limit::SMALL));
    assert_eq!(limit.claimed(Some(1 << 20)).bytes(), Ok(32 << 20), "some write the packed size");
    assert_eq!(limit.claimed(Some(1 << 31)).bytes(), Ok(1 << 32));
    let problem = limit.claimed(Some(10_000_000_000)).bytes().unwrap_err();
    assert_eq!(problem, Problem::ClaimsTooMuch { claimed: 10_000_000_000, limit: 1 << 32 });
    assert!(problem.to_string().contains("4294967296"), "the limit is named");
}

#[test]
fn a_file_of_exactly_the_limit_is_read() {
    for compression in ALL {
        let packed = pack(compression, &[b'x'; 1000]);
        assert_eq!(inflate(&packed, Limit::new(1000)).unwrap().1.len(), 1000);
        assert_eq!(inflate(&packed, Limit::new(999)), Err(Problem::TooLong { limit: 999 }));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_inflated_or_refused(mut bytes: Vec<u8>, magic in 0..5_usize) {
        let start = pack(ALL[magic], b"");
        bytes.splice(0..0, start.into_iter().take(6));
        let _ = inflate(&bytes, Limit::new(1 << 20));
    }

    #[test]
    fn what_was_packed_comes_back(bytes: Vec<u8>, which in 1..5_usize) {
        prop_assert_eq!(inflate(&pack(ALL[which], &bytes), Limit::new(1 << 20)).unwrap().1, bytes);
    }
}
