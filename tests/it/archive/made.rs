//! Archives that no git wrote.

use std::io::Write as _;

use bindery::simulator::Fault;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};
use tar::{EntryType, Header};

const MIB: usize = 1 << 20;
const BLOCK: usize = 512;

/// Of a gzip without a name and a time.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// With the path as it is, whatever it is.
fn header(path: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    let name = &mut header.as_ustar_mut().expect("it is").name;
    name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    header
}

pub fn tarball(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, bytes) in files {
        tar.extend_from_slice(header(path, bytes.len() as u64).as_bytes());
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.extend_from_slice(&[0; 2 * BLOCK]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar).expect("memory");
    gzip.finish().expect("memory")
}

/// One file of 8 GiB, by its own word.
pub fn huge() -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let header = header("top/huge", 1 << 33);
    gzip.write_all(header.as_bytes()).expect("memory");
    gzip.write_all(&[0; MIB]).expect("memory");
    gzip.finish().expect("memory")
}

/// One MiB of a tar, packed so that it can follow itself.
fn part(filling: impl FnMut() -> u8, level: Compression) -> Vec<u8> {
    let mut part = header("top/x", (MIB - BLOCK) as u64).as_bytes().to_vec();
    part.resize_with(MIB, filling);
    let mut packed = Vec::with_capacity(2 * MIB);
    let mut compress = Compress::new(level, false);
    compress
        .compress_vec(&part, &mut packed, FlushCompress::Full)
        .expect("room enough");
    assert_eq!(compress.total_in(), MIB as u64);
    packed
}

/// A thousand times as large unpacked, and without an end.
pub fn endless_bomb(fault: Fault) -> Fault {
    fault.endless(GZIP, part(|| 0, Compression::best()))
}

/// As large unpacked as it is packed, and without an end.
pub fn endless_noise(fault: Fault) -> Fault {
    fault.endless(GZIP, part(rand::random, Compression::none()))
}
