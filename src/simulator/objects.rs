use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::git::{EntryMode, ObjectKind, Oid, TreeEntry, encode_tree, hash_object};

/// A repository's git objects by their true ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    by_id: HashMap<Oid, (ObjectKind, Arc<[u8]>)>,
}

impl Objects {
    pub(super) fn put(&mut self, kind: ObjectKind, bytes: impl Into<Arc<[u8]>>) -> Oid {
        let bytes = bytes.into();
        let oid = hash_object(kind, &bytes);
        self.insert(oid, kind, bytes);
        oid
    }

    /// Takes an object whose id is known already (git said it).
    pub(super) fn insert(&mut self, oid: Oid, kind: ObjectKind, bytes: Arc<[u8]>) {
        self.by_id.entry(oid).or_insert((kind, bytes));
    }

    pub(super) fn put_tree(&mut self, entries: &[TreeEntry]) -> Oid {
        self.put(ObjectKind::Tree, encode_tree(entries))
    }

    pub(super) fn put_commit(&mut self, commit: &Commit) -> Oid {
        self.put(ObjectKind::Commit, commit.encode().into_bytes())
    }

    pub(super) fn kind(&self, oid: Oid) -> Option<ObjectKind> {
        self.by_id.get(&oid).map(|(kind, _)| *kind)
    }

    fn of_kind(&self, oid: Oid, wanted: ObjectKind) -> Option<&Arc<[u8]>> {
        match self.by_id.get(&oid) {
            Some((kind, bytes)) if *kind == wanted => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn blob(&self, oid: Oid) -> Option<&Arc<[u8]>> {
        self.of_kind(oid, ObjectKind::Blob)
    }

    pub(super) fn tree(&self, oid: Oid) -> Option<Vec<TreeEntry>> {
        self.of_kind(oid, ObjectKind::Tree)
            .map(|bytes| decode_tree(bytes))
    }

    pub(super) fn commit(&self, oid: Oid) -> Option<Commit> {
        self.of_kind(oid, ObjectKind::Commit)
            .and_then(|bytes| Commit::decode(&String::from_utf8_lossy(bytes)))
    }

    pub(super) fn tag(&self, oid: Oid) -> Option<Tag> {
        self.of_kind(oid, ObjectKind::Tag)
            .and_then(|bytes| Tag::decode(&String::from_utf8_lossy(bytes)))
    }

    /// The commit that an id stands for: itself, or what an annotated tag points to.
    pub(super) fn peel(&self, oid: Oid) -> Option<Oid> {
        match self.kind(oid)? {
            ObjectKind::Commit => Some(oid),
            ObjectKind::Tag => self.peel(self.tag(oid)?.object),
            ObjectKind::Blob | ObjectKind::Tree => None,
        }
    }

    /// The root tree of a commit, of a tag, or a tree itself.
    pub(super) fn root_tree(&self, oid: Oid) -> Option<Oid> {
        if self.kind(oid)? == ObjectKind::Tree {
            return Some(oid);
        }
        Some(self.commit(self.peel(oid)?)?.tree)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// A tree's entries in git's order. Lenient, because real histories are not tidy: a name that is not
/// UTF-8 shows replacement characters, and the 100664 of old gits reads as a plain file.
pub(super) fn decode_tree(bytes: &[u8]) -> Vec<TreeEntry> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while let Some((entry, after)) = decode_entry(rest) {
        entries.push(entry);
        rest = after;
    }
    entries
}

fn decode_entry(bytes: &[u8]) -> Option<(TreeEntry, &[u8])> {
    let space = bytes.iter().position(|b| *b == b' ')?;
    let nul = space + bytes[space..].iter().position(|b| *b == 0)?;
    let oid: [u8; 20] = bytes.get(nul + 1..nul + 21)?.try_into().ok()?;
    let mode = String::from_utf8_lossy(&bytes[..space]);
    let entry = TreeEntry {
        mode: mode.parse().unwrap_or(EntryMode::File),
        name: String::from_utf8_lossy(&bytes[space + 1..nul]).into_owned(),
        oid: Oid::from_bytes(oid),
    };
    Some((entry, &bytes[nul + 21..]))
}

/// Who wrote something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) at: DateTime<Utc>,
}

impl Signature {
    fn encode(&self) -> String {
        let seconds = self.at.timestamp();
        format!("{} <{}> {seconds} +0000", self.name, self.email)
    }

    fn decode(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once('<')?;
        let (email, when) = rest.split_once('>')?;
        let seconds = when.split_whitespace().next()?.parse().ok()?;
        Some(Self {
            name: name.trim_end().to_owned(),
            email: email.to_owned(),
            at: DateTime::from_timestamp(seconds, 0)?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) tree: Oid,
    pub(super) parents: Vec<Oid>,
    pub(super) author: Signature,
    pub(super) committer: Signature,
    pub(super) message: String,
}

impl Commit {
    fn encode(&self) -> String {
        let parents: String = self
            .parents
            .iter()
            .map(|parent| format!("parent {parent}\n"))
            .collect();
        format!(
            "tree {}\n{parents}author {}\ncommitter {}\n\n{}",
            self.tree,
            self.author.encode(),
            self.committer.encode(),
            self.message
        )
    }

    fn decode(text: &str) -> Option<Self> {
        let (head, message) = split_message(text);
        Some(Self {
            tree: header(head, "tree").next()?.parse().ok()?,
            parents: header(head, "parent")
                .filter_map(|oid| oid.parse().ok())
                .collect(),
            author: Signature::decode(header(head, "author").next()?)?,
            committer: Signature::decode(header(head, "committer").next()?)?,
            message: message.to_owned(),
        })
    }
}

/// An annotated tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) object: Oid,
    pub(super) name: String,
    pub(super) tagger: Signature,
    pub(super) message: String,
}

impl Tag {
    pub(super) fn encode(&self) -> String {
        format!(
            "object {}\ntype commit\ntag {}\ntagger {}\n\n{}",
            self.object,
            self.name,
            self.tagger.encode(),
            self.message
        )
    }

    fn decode(text: &str) -> Option<Self> {
        let (head, message) = split_message(text);
        Some(Self {
            object: header(head, "object").next()?.parse().ok()?,
            name: header(head, "tag").next()?.to_owned(),
            tagger: Signature::decode(header(head, "tagger").next()?)?,
            message: message.to_owned(),
        })
    }
}

fn split_message(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text, ""))
}

/// The values of one header. Continuation lines (of a `gpgsig`) begin with a space and never match.
fn header<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.lines()
        .filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
}
