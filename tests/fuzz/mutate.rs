//! Bytes that are nearly right.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What parsers of this crate know, or should not.
const WORDS: [&[u8]; 48] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\x1b[31m",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc2\x85",
    b"\\ud800",
    b"\\u0000",
    "\u{200c}".as_bytes(),
    "\u{202e}".as_bytes(),
    "💥".as_bytes(),
    b"..",
    b"/",
    b"../",
    b"\\",
    b".git",
    b"git~1",
    b"%2e%2e",
    b"%00",
    b"%",
    b":",
    b"@{",
    b"refs/heads/",
    b"refs/tags/",
    b".lock",
    b"-",
    b"*",
    b"W/",
    b"\"",
    b",",
    b"&payload=",
    b"payload=",
    b"+",
    b"9223372036854775808",
    b"-1",
    b"1e999",
    b"0",
    b"99999999999999999999",
    b"null",
    b"{}",
    b"[]",
    b"true",
    b"+262142-12-31T23:59:59Z",
    b"ghs_canary0123456789",
    b"eyJhbGciOi",
    b"[[a]]",
    b"a.",
];

/// Larger inputs find nothing that these do not.
const LONGEST: usize = 64 << 10;

pub(crate) struct Mutator<'a> {
    random: StdRng,
    seeds: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, seeds: &'a [Vec<u8>]) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            seeds,
        }
    }

    pub(crate) fn next_input(&mut self) -> Vec<u8> {
        let mut bytes = self.seed().clone();
        for _ in 0..self.random.random_range(1..8) {
            self.change(&mut bytes);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    fn seed(&mut self) -> &'a Vec<u8> {
        &self.seeds[self.random.random_range(0..self.seeds.len())]
    }

    fn place(&mut self, bytes: &[u8]) -> usize {
        self.random.random_range(0..=bytes.len())
    }

    /// A short piece, mostly.
    fn piece(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.place(bytes);
        let most = (bytes.len() - start).min(1 << self.random.random_range(0..12));
        start..start + self.random.random_range(0..=most)
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.place(bytes);
        match self.random.random_range(0..8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = self.random.random(),
            2 => {
                let word = WORDS[self.random.random_range(0..WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            3 => {
                let (word, piece) = (
                    WORDS[self.random.random_range(0..WORDS.len())],
                    self.piece(bytes),
                );
                bytes.splice(piece, word.iter().copied());
            }
            4 => drop(bytes.drain(self.piece(bytes))),
            5 => {
                let piece = bytes[self.piece(bytes)].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let other = self.seed();
                let piece = &other[self.piece(other)];
                bytes.splice(at..at, piece.iter().copied());
            }
            _ => self.repeat(bytes, at),
        }
    }

    /// The same again and again: what a parser that recurses or looks back suffers from.
    fn repeat(&mut self, bytes: &mut Vec<u8>, at: usize) {
        if self.random.random_range(0..16) != 0 {
            return;
        }
        let piece = self.piece(bytes);
        let piece = bytes[piece.start..piece.end.min(piece.start + 16)].to_vec();
        if !piece.is_empty() {
            let times = self.random.random_range(1..LONGEST / piece.len());
            bytes.splice(at..at, piece.repeat(times));
        }
    }
}
