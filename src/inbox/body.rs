//! How bodies are kept: in parts, each compressed by itself where that helps.

use std::borrow::Cow;

use diesel::result::Error;

use crate::db::text_enum;

/// Bytes in one statement: drivers copy what they send more than once, and keep the room for it.
pub(super) const PART: usize = 1 << 20;

/// Bodies from this size on are compressed off the threads that serve requests: a millisecond and more.
const LARGE: usize = 256 << 10;

text_enum! {
    /// As in `delivery_bodies.encoding`.
    pub enum Encoding {
        Identity = "identity",
        /// An LZ4 block behind the four bytes of its length.
        Lz4 = "lz4",
    }
}

/// A part of a body as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) encoding: Encoding,
    pub(super) bytes: Vec<u8>,
}

impl Part {
    fn of(bytes: &[u8]) -> Self {
        let packed = lz4_flex::block::compress_prepend_size(bytes);
        if packed.len() < bytes.len() {
            Self {
                encoding: Encoding::Lz4,
                bytes: packed,
            }
        } else {
            Self {
                encoding: Encoding::Identity,
                bytes: bytes.to_vec(),
            }
        }
    }

    /// `bytes` are at most [`PART`].
    pub(super) async fn pack(bytes: Cow<'_, [u8]>) -> Self {
        if bytes.len() < LARGE {
            return Self::of(&bytes);
        }
        let bytes = bytes.into_owned();
        match tokio::task::spawn_blocking(move || Self::of(&bytes)).await {
            Ok(packed) => packed,
            // The compressor panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    pub(super) fn unpack(self) -> Result<Vec<u8>, Error> {
        let unreadable = |why: String| Error::DeserializationError(why.into());
        match self.encoding {
            Encoding::Identity => Ok(self.bytes),
            Encoding::Lz4 => {
                let length = raw_length(&self.bytes)
                    .ok_or_else(|| unreadable("a part of a body lacks its length".to_owned()))?;
                if length > PART {
                    return Err(unreadable(format!(
                        "a part of a body says that it has {length} bytes, and has at most {PART}"
                    )));
                }
                lz4_flex::block::decompress_size_prepended(&self.bytes)
                    .map_err(|error| unreadable(format!("a part of a body is damaged: {error}")))
            }
        }
    }
}

/// How long a part was, by its first bytes and how many are stored.
pub fn raw_size(encoding: Encoding, first: &[u8], stored: i64) -> i64 {
    match encoding {
        Encoding::Identity => stored,
        Encoding::Lz4 => {
            raw_length(first).map_or(0, |length| i64::try_from(length).unwrap_or(i64::MAX))
        }
    }
}

fn raw_length(packed: &[u8]) -> Option<usize> {
    let length = packed.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_part_comes_back_byte_for_byte(bytes: Vec<u8>, times in 1_usize..50) {
            let bytes = bytes.repeat(times);
            let part = Part::of(&bytes);
            let size = raw_size(part.encoding, &part.bytes, i64::try_from(part.bytes.len()).unwrap());
            prop_assert_eq!(size, i64::try_from(bytes.len()).unwrap());
            prop_assert!(part.bytes.len() <= bytes.len());
            prop_assert_eq!(part.unpack().unwrap(), bytes);
        }

        #[test]
        fn a_damaged_part_is_an_error(mut bytes: Vec<u8>) {
            // Whatever it is, it is no reason to panic.
            let _ = Part { encoding: Encoding::Lz4, bytes: bytes.clone() }.unpack();
            bytes.splice(0..0, u32::MAX.to_le_bytes());
            let unpacked = Part { encoding: Encoding::Lz4, bytes }.unpack();
            prop_assert!(unpacked.is_err());
        }
    }

    #[test]
    fn what_repeats_itself_is_kept_small() {
        let part = Part::of(&b"{\"ref\":\"refs/heads/main\"}".repeat(400));
        assert_eq!(part.encoding, Encoding::Lz4);
        assert!(part.bytes.len() < 500, "{}", part.bytes.len());
    }
}
