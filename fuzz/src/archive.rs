//! What a tar may be.

use bindery::sync::fuzz;

use super::assert_sayable;

const MOST_BYTES: u64 = 1 << 20;
const MOST_ENTRIES: u64 = 64;

/// No more is read of it than it may have, nothing is made up, and what is wrong with it is fit to be read.
pub(super) fn archive(bytes: &[u8]) {
    let (files, error) = fuzz::archive(bytes, MOST_BYTES, MOST_ENTRIES);
    assert!(files.len() as u64 <= MOST_ENTRIES);
    let held: usize = files.iter().map(|(_, file)| file.len()).sum();
    assert!(held <= bytes.len(), "{held} of {}", bytes.len());
    for (_, file) in &files {
        let is_there = file.is_empty() || bytes.windows(file.len()).any(|some| some == file);
        assert!(is_there, "bytes that it does not have");
    }
    if let Some(error) = error {
        assert_sayable(&error, 200);
    }
}
