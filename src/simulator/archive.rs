//! A commit's files in one gzipped tar, as `git archive` writes them.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use crate::git::{EntryMode, Oid, TreeEntry};
use crate::github::ids::RepositoryId;

use super::objects::Objects;
use super::tree;

/// What a link to the archive of a private repository is good with, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArchiveToken {
    pub(super) repository: RepositoryId,
    pub(super) expires_at: DateTime<Utc>,
}

/// The archive of a commit, everything in it below one folder.
pub(super) fn of_commit(objects: &Objects, commit: Oid, folder: &str) -> Option<Vec<u8>> {
    let found = objects.commit(commit)?;
    let attributes = Attributes::of(objects, found.tree);
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut archive = Writer {
        tar: Builder::new(encoder),
        at: found.committer.at,
        commit,
        attributes: &attributes,
    };
    let written = archive.write(objects, found.tree, folder);
    let encoder = written.and_then(|()| archive.tar.into_inner());
    Some(
        encoder
            .and_then(GzEncoder::finish)
            .expect("memory takes it all"),
    )
}

/// What the root's `.gitattributes` says about archives: of names, of whole paths, and of `*` before an ending.
#[derive(Debug, Default)]
struct Attributes(Vec<(String, Vec<String>)>);

impl Attributes {
    fn of(objects: &Objects, root: Oid) -> Self {
        let file = tree::find(objects, root, ".gitattributes");
        let bytes = file.and_then(|entry| objects.blob(entry.oid));
        let text = bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let lines = text.unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.collect()))
        };
        Self(lines.lines().filter_map(line).collect())
    }

    fn has(&self, path: &str, wanted: &str) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let fits = |pattern: &str| match pattern.strip_prefix('*') {
            Some(ending) => name.ends_with(ending),
            None => pattern.trim_start_matches('/') == path || pattern == name,
        };
        self.0.iter().any(|(pattern, attributes)| {
            fits(pattern) && attributes.iter().any(|attribute| attribute == wanted)
        })
    }
}

struct Writer<'a, W: Write> {
    tar: Builder<W>,
    at: DateTime<Utc>,
    commit: Oid,
    attributes: &'a Attributes,
}

impl<W: Write> Writer<'_, W> {
    fn write(&mut self, objects: &Objects, root: Oid, folder: &str) -> io::Result<()> {
        let comment = record("comment", self.commit.to_string().as_bytes());
        self.entry(
            EntryType::XGlobalHeader,
            0o666,
            b"pax_global_header",
            &comment,
        )?;
        self.entry(
            EntryType::Directory,
            0o775,
            format!("{folder}/").as_bytes(),
            b"",
        )?;
        let mut listed: Vec<(String, TreeEntry)> = Vec::new();
        tree::walk(objects, root, "", &mut |path: &str, entry: &TreeEntry| {
            listed.push((path.to_owned(), entry.clone()));
        });
        let mut ignored: Option<String> = None;
        for (path, entry) in listed {
            let is_below = |folder: &String| path.starts_with(folder.as_str());
            if ignored.as_ref().is_some_and(is_below) {
                continue;
            }
            if self.attributes.has(&path, "export-ignore") {
                ignored = Some(format!("{path}/"));
                continue;
            }
            self.listed(objects, &path, &entry, folder)?;
        }
        Ok(())
    }

    fn listed(
        &mut self,
        objects: &Objects,
        path: &str,
        entry: &TreeEntry,
        folder: &str,
    ) -> io::Result<()> {
        let bytes = objects.blob(entry.oid).map_or(&b""[..], |bytes| &bytes[..]);
        let whole = format!("{folder}/{path}");
        match entry.mode {
            EntryMode::Directory | EntryMode::Submodule => {
                let path = format!("{whole}/");
                self.entry(EntryType::Directory, 0o775, path.as_bytes(), b"")
            }
            EntryMode::Symlink => self.link(whole.as_bytes(), bytes),
            EntryMode::File | EntryMode::GroupWritable | EntryMode::Executable => {
                let mode = match entry.mode {
                    EntryMode::Executable => 0o775,
                    _ => 0o664,
                };
                let put_in = self.attributes.has(path, "export-subst");
                let bytes = if put_in {
                    self.put_in(bytes)
                } else {
                    bytes.to_vec()
                };
                self.entry(EntryType::Regular, mode, whole.as_bytes(), &bytes)
            }
        }
    }

    /// The one placeholder that this git knows.
    fn put_in(&self, bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        text.replace("$Format:%H$", &self.commit.to_string())
            .into_bytes()
    }

    fn link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Symlink, 0o777, 0);
        if header.set_link_name_literal(target).is_err() {
            self.extend(&record("linkpath", target))?;
        }
        self.append(header, path, b"")
    }

    fn entry(&mut self, kind: EntryType, mode: u32, path: &[u8], bytes: &[u8]) -> io::Result<()> {
        let header = self.header(kind, mode, bytes.len());
        self.append(header, path, bytes)
    }

    fn header(&self, kind: EntryType, mode: u32, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(size as u64);
        header.set_mtime(self.at.timestamp().unsigned_abs());
        header
    }

    /// A path that is too long for a header, or that no header should have, goes before it.
    fn append(&mut self, mut header: Header, path: &[u8], bytes: &[u8]) -> io::Result<()> {
        match header.as_ustar_mut() {
            Some(ustar) if path.len() <= ustar.name.len() => {
                ustar.name[..path.len()].copy_from_slice(path);
            }
            _ => {
                self.extend(&record("path", path))?;
                header.set_path(format!("{}.data", self.commit))?;
            }
        }
        header.set_cksum();
        self.tar.append(&header, bytes)
    }

    fn extend(&mut self, records: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::XHeader, 0o666, records.len());
        header.set_path(format!("{}.paxheader", self.commit))?;
        header.set_cksum();
        self.tar.append(&header, records)
    }
}

/// One record of pax: its own length in front, in as many digits as that takes.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    let mut record = format!("{length} {key}=").into_bytes();
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn a_record_says_how_long_it_is() {
        for long in [1, 5, 6, 89, 90, 91, 92, 985, 990, 995, 4096] {
            let record = record("path", "x".repeat(long).as_bytes());
            let text = String::from_utf8(record).expect("text");
            let said = text.split(' ').next().expect("a number");
            assert_eq!(said.parse(), Ok(text.len()), "{long}");
        }
    }
}
