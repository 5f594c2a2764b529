use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};

use super::Oid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Blob,
    Tree,
    Commit,
    Tag,
}

impl ObjectKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }
}

/// What git would call this object: SHA-1 over `<kind> <length>\0<bytes>`.
pub fn hash_object(kind: ObjectKind, bytes: &[u8]) -> Oid {
    let mut sha1 = Sha1::new();
    sha1.update(format!("{} {}\0", kind.as_str(), bytes.len()));
    sha1.update(bytes);
    Oid::from_bytes(sha1.finalize().into())
}

/// The kinds of entry that a git tree can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryMode {
    File,
    /// What git wrote before 2005 for a plain file; old histories still hold it.
    GroupWritable,
    Executable,
    Symlink,
    Directory,
    Submodule,
}

impl EntryMode {
    /// The mode as git hashes it: octal, without the leading zero that GitHub's API adds.
    pub const fn as_git(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::GroupWritable => "100664",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Directory => "40000",
            Self::Submodule => "160000",
        }
    }

    /// The mode as git writes it today: six digits, and a plain file is a plain file.
    pub const fn as_str(self) -> &'static str {
        match self.written_today() {
            Self::Directory => "040000",
            other => other.as_git(),
        }
    }

    /// A plain file is a plain file.
    #[must_use]
    pub const fn written_today(self) -> Self {
        match self {
            Self::GroupWritable => Self::File,
            other => other,
        }
    }

    pub const fn is_file(self) -> bool {
        matches!(self, Self::File | Self::GroupWritable | Self::Executable)
    }
}

impl fmt::Display for EntryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EntryMode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "100644" => Ok(Self::File),
            "100664" => Ok(Self::GroupWritable),
            "100755" => Ok(Self::Executable),
            "120000" => Ok(Self::Symlink),
            "040000" | "40000" => Ok(Self::Directory),
            "160000" => Ok(Self::Submodule),
            _ => Err(UnknownMode),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mode that git gives to a tree's entry")]
pub struct UnknownMode;

/// One entry of one tree: its name is a single path segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    pub mode: EntryMode,
    pub name: String,
    pub oid: Oid,
}

impl TreeEntry {
    /// Git sorts a directory as if its name ended in a slash.
    fn order(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(other.sort_key())
    }

    fn sort_key(&self) -> impl Iterator<Item = u8> + '_ {
        let slash = (self.mode == EntryMode::Directory).then_some(b'/');
        self.name.bytes().chain(slash)
    }
}

/// A tree's bytes in git's own order, whatever the order given.
pub fn encode_tree(entries: &[TreeEntry]) -> Vec<u8> {
    let mut sorted: Vec<&TreeEntry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.order(b));
    let mut bytes = Vec::with_capacity(sorted.len() * 48);
    for entry in sorted {
        bytes.extend_from_slice(entry.mode.as_git().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(entry.name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(entry.oid.as_bytes());
    }
    bytes
}

pub fn hash_tree(entries: &[TreeEntry]) -> Oid {
    hash_object(ObjectKind::Tree, &encode_tree(entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_git_does() {
        assert_eq!(
            hash_object(ObjectKind::Blob, b"hello\n").to_string(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(
            hash_tree(&[]).to_string(),
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        );
    }

    #[test]
    fn sorts_a_directory_as_if_it_ended_in_a_slash() {
        let entry = |mode, name: &str| TreeEntry {
            mode,
            name: name.into(),
            oid: Oid::ZERO,
        };
        let bytes = encode_tree(&[
            entry(EntryMode::Directory, "lib"),
            entry(EntryMode::File, "lib.rs"),
            entry(EntryMode::File, "lib-x"),
        ]);
        let text = String::from_utf8_lossy(&bytes);
        let place = |name: &str| text.find(name);
        assert!(place("lib-x\0") < place("lib.rs\0"));
        assert!(place("lib.rs\0") < place("lib\0"), "`.` sorts before `/`");
    }
}
