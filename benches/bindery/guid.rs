//! Which delivery it is: 36 characters on the wire, 16 bytes to remember.

use anyhow::Context as _;
use rand::RngExt;
use rand::rngs::StdRng;

/// A random one (version 4), so that an index over them is used all over, not at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid(u128);

pub const LENGTH: usize = 36;
/// Before which bytes a dash stands.
const DASHES: [usize; 4] = [4, 6, 8, 10];
const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Guid {
    pub fn random(random: &mut StdRng) -> Self {
        let bits: u128 = random.random();
        let version = (bits & !(0xf << 76)) | (4 << 76);
        Self((version & !(0b11 << 62)) | (0b10 << 62))
    }

    pub fn write(self, to: &mut [u8]) {
        let mut free = to.iter_mut();
        let mut put = |byte| {
            if let Some(place) = free.next() {
                *place = byte;
            }
        };
        for (number, byte) in self.0.to_be_bytes().into_iter().enumerate() {
            if DASHES.contains(&number) {
                put(b'-');
            }
            put(DIGITS[usize::from(byte >> 4)]);
            put(DIGITS[usize::from(byte & 0xf)]);
        }
    }

    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let digits = text.replace('-', "");
        let bits = u128::from_str_radix(&digits, 16);
        Ok(Self(
            bits.with_context(|| format!("{text:?} is no GUID of ours"))?,
        ))
    }
}

impl std::fmt::Display for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [0; LENGTH];
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}
