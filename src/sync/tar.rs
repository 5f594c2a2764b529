//! A tar as `git archive` writes it, read entry by entry. Whatever it says, no more is held of it than was
//! asked for, and no more is read than it may have.

use std::io;

use ::tar::{EntryType, Header, PaxExtensions};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Tar's unit: headers have one, and what follows is filled up to whole ones.
const BLOCK: u64 = 512;

/// Of a header's extension: git writes a path into it, and a path of git's has at most 4,096 bytes.
const MAX_EXTENSION: u64 = 16 << 10;

/// How much of a tar is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Its bytes, headers and filling included.
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

/// A regular file of a tar. Its path is what is said of it, and not fit to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("the archive becomes larger than {0} bytes")]
    TooLarge(u64),
    #[error("the archive has more than {0} entries")]
    TooMany(u64),
    #[error("the archive is broken: a header does not add up")]
    Header,
    #[error("the archive is broken: the extension of a header has {0} bytes")]
    Extension(u64),
    #[error("the archive ends in the middle of an entry")]
    Cut,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

/// Reads a tar from its beginning.
#[derive(Debug)]
pub(super) struct Tar<R> {
    from: R,
    bounds: Bounds,
    bytes_left: u64,
    entries_left: u64,
    /// Of the entry that was read last, to be passed over.
    unread: u64,
    filling: u64,
}

/// What an extension says of the entry behind it.
#[derive(Debug, Default)]
struct Extended {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<R: AsyncRead + Unpin> Tar<R> {
    pub(super) fn new(from: R, bounds: Bounds) -> Self {
        Self {
            from,
            bounds,
            bytes_left: bounds.bytes,
            entries_left: bounds.entries,
            unread: 0,
            filling: 0,
        }
    }

    /// The next regular file; folders, links and whatever else there may be are passed over.
    pub(super) async fn next(&mut self) -> io::Result<Option<File>> {
        let mut extended = Extended::default();
        loop {
            self.pass_over(self.unread + self.filling).await?;
            let Some(header) = self.header().await? else {
                return Ok(None);
            };
            let size = match extended.size {
                Some(size) => size,
                // The error's own words have the path in them.
                None => header.entry_size().map_err(|_| Fault::Header)?,
            };
            self.begin(size)?;
            match header.entry_type() {
                EntryType::XHeader => extended = self.extension(size).await?,
                EntryType::Regular => {
                    let path = match extended.path {
                        Some(path) => path,
                        None => header.path_bytes().into_owned(),
                    };
                    return Ok(Some(File { path, size }));
                }
                // It says of which commit the archive is; each file proves more than that.
                EntryType::XGlobalHeader => {}
                _ => extended = Extended::default(),
            }
        }
    }

    /// The bytes of the file that was given last, all of them; for who can hold as many as it has.
    pub(super) async fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let size = std::mem::take(&mut self.unread);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let read = (&mut self.from).take(size).read_to_end(&mut bytes).await?;
        if read as u64 == size {
            Ok(bytes)
        } else {
            Err(Fault::Cut.into())
        }
    }

    /// `None` at the end: a block of zeros, or nothing.
    async fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = [0; BLOCK as usize];
        let mut read = 0;
        while read < block.len() {
            match self.from.read(&mut block[read..]).await? {
                0 if read == 0 => return Ok(None),
                0 => return Err(Fault::Cut.into()),
                more => read += more,
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        let mut summed = header.clone();
        summed.set_cksum();
        match (header.cksum(), summed.cksum()) {
            (Ok(said), Ok(summed)) if said == summed => Ok(Some(header)),
            _ => Err(Fault::Header.into()),
        }
    }

    /// Charges an entry before anything of it is read.
    fn begin(&mut self, size: u64) -> io::Result<()> {
        let Bounds { bytes, entries } = self.bounds;
        self.entries_left = self
            .entries_left
            .checked_sub(1)
            .ok_or(Fault::TooMany(entries))?;
        let filled = size.checked_next_multiple_of(BLOCK);
        let all = filled.and_then(|filled| filled.checked_add(BLOCK));
        self.bytes_left = all
            .and_then(|all| self.bytes_left.checked_sub(all))
            .ok_or(Fault::TooLarge(bytes))?;
        self.unread = size;
        self.filling = size.next_multiple_of(BLOCK) - size;
        Ok(())
    }

    async fn pass_over(&mut self, bytes: u64) -> io::Result<()> {
        (self.unread, self.filling) = (0, 0);
        let mut passed = (&mut self.from).take(bytes);
        if tokio::io::copy(&mut passed, &mut tokio::io::sink()).await? == bytes {
            Ok(())
        } else {
            Err(Fault::Cut.into())
        }
    }

    async fn extension(&mut self, size: u64) -> io::Result<Extended> {
        if size > MAX_EXTENSION {
            return Err(Fault::Extension(size).into());
        }
        let bytes = self.bytes().await?;
        let mut extended = Extended::default();
        for record in PaxExtensions::new(&bytes) {
            let record = record?;
            match record.key_bytes() {
                b"path" => extended.path = Some(record.value_bytes().to_vec()),
                b"size" => extended.size = record.value().ok().and_then(|size| size.parse().ok()),
                _ => {}
            }
        }
        Ok(extended)
    }
}

#[cfg(test)]
mod tests {
    use ::tar::Builder;

    use super::*;

    const AMPLE: Bounds = Bounds {
        bytes: 1 << 20,
        entries: 100,
    };

    fn header(kind: EntryType, path: &str, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_path(path).expect("a short path");
        header.set_size(size as u64);
        header.set_cksum();
        header
    }

    fn tar(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (kind, path, bytes) in entries {
            let header = header(*kind, path, bytes.len());
            builder.append(&header, *bytes).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    async fn read(bytes: &[u8], bounds: Bounds) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut tar = Tar::new(bytes, bounds);
        let mut found = Vec::new();
        while let Some(file) = tar.next().await? {
            let path = String::from_utf8_lossy(&file.path).into_owned();
            found.push((path, tar.bytes().await?));
        }
        Ok(found)
    }

    #[tokio::test]
    async fn files_are_read_and_the_rest_is_passed_over() {
        let long = format!("{}/x", "a".repeat(200));
        let extension = format!("{} path={long}\n", 3 + 1 + 5 + long.len() + 1);
        let bytes = tar(&[
            (
                EntryType::XGlobalHeader,
                "pax_global_header",
                b"10 a=bcde\n",
            ),
            (EntryType::Directory, "top/", b""),
            (EntryType::Regular, "top/a", &[7; 513]),
            (EntryType::Symlink, "top/link", b""),
            (EntryType::XHeader, "x", extension.as_bytes()),
            (EntryType::Regular, "cut", b"long"),
            (EntryType::Regular, "top/empty", b""),
        ]);
        let expected = [
            ("top/a".to_owned(), vec![7; 513]),
            (long, b"long".to_vec()),
            ("top/empty".to_owned(), Vec::new()),
        ];
        assert_eq!(read(&bytes, AMPLE).await.expect("a good tar"), expected);
    }

    #[tokio::test]
    async fn a_file_that_nobody_wants_is_not_held() {
        let bytes = tar(&[
            (EntryType::Regular, "a", &[1; 100_000]),
            (EntryType::Regular, "b", b"2"),
        ]);
        let mut tar = Tar::new(bytes.as_slice(), AMPLE);
        tar.next().await.expect("a").expect("a");
        let second = tar.next().await.expect("b").expect("b");
        assert_eq!((second.path, second.size), (b"b".to_vec(), 1));
        assert_eq!(tar.bytes().await.expect("its bytes"), b"2");
    }

    #[tokio::test]
    async fn a_broken_tar_is_an_error() {
        let good = tar(&[(EntryType::Regular, "a", &[1; 1000])]);
        for (what, at) in [("header", 100), ("checksum", 150)] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(read(&bad, AMPLE).await.is_err(), "{what}");
        }
        for cut in [1, 511, 513, 1000, 1530] {
            assert!(read(&good[..cut], AMPLE).await.is_err(), "{cut}");
        }
    }

    #[tokio::test]
    async fn bounds_hold_before_a_byte_is_read() {
        let bytes = tar(&[
            (EntryType::Regular, "a", &[1; 1000]),
            (EntryType::Regular, "b", b"2"),
        ]);
        let few = Bounds {
            entries: 1,
            ..AMPLE
        };
        assert!(read(&bytes, few).await.is_err());
        let narrow = Bounds {
            bytes: 1535,
            ..AMPLE
        };
        assert!(read(&bytes, narrow).await.is_err());
        // Nothing follows these headers.
        for size in [1 << 30, u64::MAX] {
            let mut header = header(EntryType::Regular, "a", 0);
            header.set_size(size);
            header.set_cksum();
            let mut tar = Tar::new(header.as_bytes().as_slice(), AMPLE);
            let error = tar.next().await.expect_err("too large");
            assert!(error.to_string().contains("larger"), "{size}: {error}");
        }
    }

    #[tokio::test]
    async fn an_extension_of_any_length_is_not_held() {
        let bytes = tar(&[(EntryType::XHeader, "x", &[b'1'; 20_000])]);
        let error = read(&bytes, AMPLE).await.expect_err("too long");
        assert!(error.to_string().contains("extension"), "{error}");
    }
}
