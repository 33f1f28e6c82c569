//! Small but valid ISO 9660 images: what a full compose leaves besides packages.
//!
//! One root folder with a few files, level 1 names, no extensions; ECMA-119 gives the layout (the numbers in
//! comments are its sections). Nothing boots from it. It must not touch the disk.

/// Bytes of a sector.
const SECTOR: usize = 2048;
/// The first sector after the system area, of the primary volume descriptor, the terminator, both path tables,
/// the root folder and the first file.
const VOLUME: usize = 16;
const TERMINATOR: usize = 17;
const PATHS_LITTLE: usize = 18;
const PATHS_BIG: usize = 19;
const ROOT: usize = 20;
const FIRST_FILE: usize = 21;

/// Returns an image with that volume id (32 characters of it are kept) and those files.
///
/// Names must be level 1 names in capitals (`README.TXT`); more files than fit one sector (about 40) are left out.
/// `time` is in Unix seconds.
pub fn image(volume_id: &str, files: &[(&str, &[u8])], time: u32) -> Vec<u8> {
    let stamp = Stamp::new(time);
    let mut out = vec![0_u8; FIRST_FILE * SECTOR];
    let mut folder = Vec::new();
    folder.extend(record(&[0], ROOT, SECTOR, true, &stamp));
    folder.extend(record(&[1], ROOT, SECTOR, true, &stamp));
    for (name, content) in files {
        let place = out.len() / SECTOR;
        let entry = record(format!("{name};1").as_bytes(), place, content.len(), false, &stamp);
        if folder.len() + entry.len() > SECTOR {
            break;
        }
        folder.extend(entry);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(SECTOR), 0);
    }
    put(&mut out, ROOT * SECTOR, &folder);
    // 9.4: one entry, the root, in both byte orders
    put(&mut out, PATHS_LITTLE * SECTOR, &[1, 0, ROOT as u8, 0, 0, 0, 1, 0, 0, 0]);
    put(&mut out, PATHS_BIG * SECTOR, &[1, 0, 0, 0, 0, ROOT as u8, 0, 1, 0, 0]);
    put(&mut out, TERMINATOR * SECTOR, b"\xffCD001\x01"); // 8.3
    let sectors = out.len() / SECTOR;
    let descriptor = primary_descriptor(volume_id, sectors, &stamp);
    put(&mut out, VOLUME * SECTOR, &descriptor);
    out
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

/// 8.4: the primary volume descriptor.
fn primary_descriptor(volume_id: &str, sectors: usize, stamp: &Stamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(SECTOR);
    out.extend_from_slice(b"\x01CD001\x01\x00");
    out.extend(padded("LINUX", 32));
    out.extend(padded(volume_id, 32));
    out.extend([0; 8]);
    out.extend(both32(sectors));
    out.extend([0; 32]);
    out.extend(both16(1)); // volume set size
    out.extend(both16(1)); // volume sequence number
    out.extend(both16(SECTOR));
    out.extend(both32(10)); // size of the path table
    out.extend((PATHS_LITTLE as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend((PATHS_BIG as u32).to_be_bytes());
    out.extend([0; 4]);
    out.extend(record(&[0], ROOT, SECTOR, true, stamp));
    for (text, size) in [("", 128), ("PRACTICE HOST", 128), ("", 128), ("STAGEGATE", 128)] {
        out.extend(padded(text, size));
    }
    for _ in 0..3 {
        out.extend(padded("", 37)); // copyright, abstract, bibliography
    }
    out.extend(&stamp.long); // created
    out.extend(&stamp.long); // modified
    out.extend(b"0000000000000000\0"); // expires: never
    out.extend(b"0000000000000000\0"); // effective
    out.push(1); // file structure version
    out.resize(SECTOR, 0);
    out
}

/// 9.1: a directory record.
fn record(name: &[u8], place: usize, size: usize, folder: bool, stamp: &Stamp) -> Vec<u8> {
    let length = (33 + name.len()).next_multiple_of(2);
    let mut out = Vec::with_capacity(length);
    out.extend([length as u8, 0]);
    out.extend(both32(place));
    out.extend(both32(size));
    out.extend(stamp.short);
    out.extend([if folder { 2 } else { 0 }, 0, 0]);
    out.extend(both16(1));
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    out.resize(length, 0);
    out
}

/// 7.3.3: a number in both byte orders.
fn both32(number: usize) -> [u8; 8] {
    let [a, b, c, d] = (number as u32).to_le_bytes();
    [a, b, c, d, d, c, b, a]
}

/// 7.2.3
fn both16(number: usize) -> [u8; 4] {
    let [a, b] = (number as u16).to_le_bytes();
    [a, b, b, a]
}

fn padded(text: &str, size: usize) -> Vec<u8> {
    let mut out = text.as_bytes().to_vec();
    out.resize(size, b' ');
    out
}

/// One moment in the two forms that the format wants.
struct Stamp {
    short: [u8; 7],
    long: Vec<u8>,
}

impl Stamp {
    fn new(time: u32) -> Self {
        let moment =
            jiff::Timestamp::from_second(time.into()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
        let parts = [moment.month(), moment.day(), moment.hour(), moment.minute(), moment.second()];
        let [month, day, hour, minute, second] = parts.map(|part| part as u8);
        let year = u8::try_from(moment.year() - 1900).unwrap_or(u8::MAX);
        let mut long = moment.strftime("%Y%m%d%H%M%S00").to_string().into_bytes();
        long.push(0);
        Self { short: [year, month, day, hour, minute, second, 0], long }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_says_what_is_there() {
        let iso = image("Rocky-8-10-x86_64-dvd", &[("README.TXT", b"practice\n")], 1_700_000_000);
        let descriptor = &iso[VOLUME * SECTOR..TERMINATOR * SECTOR];
        assert_eq!(&descriptor[..7], b"\x01CD001\x01");
        assert_eq!(&descriptor[40..72], b"Rocky-8-10-x86_64-dvd           ");
        let sectors = u32::from_le_bytes(descriptor[80..84].try_into().unwrap());
        assert_eq!(sectors as usize * SECTOR, iso.len());
        assert_eq!(descriptor[156], 34, "the root's record follows the path tables");
        assert_eq!(&descriptor[813..830], b"2023111422132000\0");
        assert_eq!(descriptor[881], 1, "file structure version");
        assert_eq!(&iso[FIRST_FILE * SECTOR..FIRST_FILE * SECTOR + 9], b"practice\n");
    }
}
