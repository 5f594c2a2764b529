use std::collections::BTreeMap;

use base64::Engine;
use serde::Serialize;
use serde_json::{Value, json};

use crate::git::{EntryMode, Oid, TreeEntry};
use crate::simulator::objects::{Commit, Signature};
use crate::simulator::payload::{node_id, timestamp};
use crate::simulator::repository::Repository;
use crate::simulator::tree::{self, Changed};
use crate::simulator::world::World;

use super::{Answer, Asked};

/// Files on one page of a commit.
const FILES_PER_PAGE: usize = 300;

/// Reads one repository's git for one request.
pub(super) struct Reader<'a> {
    pub(super) repository: &'a Repository,
    /// As far as the API has noticed.
    pub(super) refs: BTreeMap<&'a str, Oid>,
    /// The repository's own address in the API.
    pub(super) url: String,
    asked: &'a Asked,
    tree_limit: usize,
}

#[derive(Serialize)]
struct Listed<'a> {
    path: String,
    mode: &'a str,
    r#type: &'a str,
    sha: Oid,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(world: &World, repository: &'a Repository, asked: &'a Asked) -> Self {
        Self {
            repository,
            refs: repository.seen_refs(world.now(), world.lag),
            url: format!("{}/repos/{}", asked.base, world.name_of(repository)),
            asked,
            tree_limit: world.tree_limit,
        }
    }

    /// A commit by any name that git takes, with the files that it changed.
    pub(super) fn commit(&self, name: &str) -> Result<Answer, Answer> {
        self.not_empty()?;
        let missing = || Answer::message(422, &format!("No commit found for SHA: {name}"));
        let oid = self.resolve(name);
        let oid = oid.and_then(|oid| self.repository.objects.peel(oid));
        let oid = oid.ok_or_else(missing)?;
        if self.asked.accepts("application/vnd.github.sha") {
            let sha = oid.to_string().into_bytes();
            return Ok(Answer::bytes(200, "application/vnd.github.sha", sha));
        }
        let mut shown = self.commit_brief(oid).ok_or_else(missing)?;
        let commit = self.repository.objects.commit(oid).ok_or_else(missing)?;
        let files = self.files(&commit);
        shown["stats"] = json!({"total": files.len(), "additions": files.len(), "deletions": 0});
        shown["files"] = self.page_of_files(files).into();
        Ok(Answer::json(200, &shown))
    }

    fn page_of_files(&self, files: Vec<Value>) -> Vec<Value> {
        let per_page = self.asked.number("per_page").unwrap_or(FILES_PER_PAGE);
        let per_page = per_page.clamp(1, FILES_PER_PAGE);
        let page = self.asked.number("page").unwrap_or(1).max(1);
        let from = (page - 1) * per_page;
        files.into_iter().skip(from).take(per_page).collect()
    }

    fn files(&self, commit: &Commit) -> Vec<Value> {
        let Changed {
            added,
            modified,
            removed,
        } = self.repository.changed_by(commit);
        let statuses = [
            (added, "added"),
            (modified, "modified"),
            (removed, "removed"),
        ];
        let mut files: Vec<(String, &str)> = statuses
            .into_iter()
            .flat_map(|(paths, status)| paths.into_iter().map(move |path| (path, status)))
            .collect();
        files.sort();
        files
            .into_iter()
            .map(|(path, status)| {
                let found = tree::find(&self.repository.objects, commit.tree, &path);
                json!({"sha": found.map(|entry| entry.oid), "filename": path, "status": status})
            })
            .collect()
    }

    /// A commit without its files.
    pub(super) fn commit_brief(&self, oid: Oid) -> Option<Value> {
        let commit = self.repository.objects.commit(oid)?;
        let url = &self.url;
        Some(json!({
            "sha": oid,
            "node_id": node_id("C", self.repository.id.get()),
            "commit": {
                "author": person(&commit.author),
                "committer": person(&commit.committer),
                "message": commit.message.trim_end(),
                "tree": {"sha": commit.tree, "url": format!("{url}/git/trees/{}", commit.tree)},
                "url": format!("{url}/git/commits/{oid}"),
                "comment_count": 0,
                "verification": unverified(),
            },
            "url": format!("{url}/commits/{oid}"),
            "author": null,
            "committer": null,
            "parents": self.parents(&commit, "commits"),
        }))
    }

    fn parents(&self, commit: &Commit, path: &str) -> Value {
        let url = &self.url;
        commit
            .parents
            .iter()
            .map(|oid| json!({"sha": oid, "url": format!("{url}/{path}/{oid}")}))
            .collect()
    }

    pub(super) fn git_commit(&self, sha: &str) -> Result<Answer, Answer> {
        self.not_empty()?;
        let oid: Oid = sha.parse().map_err(|_| Answer::not_found())?;
        let commit = self.repository.objects.commit(oid);
        let commit = commit.ok_or_else(Answer::not_found)?;
        let url = &self.url;
        Ok(Answer::json(
            200,
            &json!({
                "sha": oid,
                "node_id": node_id("C", self.repository.id.get()),
                "url": format!("{url}/git/commits/{oid}"),
                "author": person(&commit.author),
                "committer": person(&commit.committer),
                "tree": {"sha": commit.tree, "url": format!("{url}/git/trees/{}", commit.tree)},
                "message": commit.message.trim_end(),
                "parents": self.parents(&commit, "git/commits"),
                "verification": unverified(),
            }),
        ))
    }

    /// A tree, or the tree of what else is named; GitHub recurses for any value of `recursive`.
    pub(super) fn tree(&self, name: &str) -> Result<Answer, Answer> {
        self.not_empty()?;
        let root = self.resolve(name);
        let root = root.and_then(|oid| self.repository.objects.root_tree(oid));
        let root = root.ok_or_else(Answer::not_found)?;
        let mut listed = Vec::new();
        let mut visit = |path: &str, entry: &TreeEntry| listed.push(self.listed(path, entry));
        if self.asked.parameters().contains_key("recursive") {
            tree::walk(&self.repository.objects, root, "", &mut visit);
        } else {
            let entries = self.repository.objects.tree(root).unwrap_or_default();
            entries.iter().for_each(|entry| visit(&entry.name, entry));
        }
        let truncated = listed.len() > self.tree_limit;
        listed.truncate(self.tree_limit);
        Ok(Answer::json(
            200,
            &json!({
                "sha": root,
                "url": format!("{}/git/trees/{root}", self.url),
                "tree": listed,
                "truncated": truncated,
            }),
        ))
    }

    fn listed(&self, path: &str, entry: &TreeEntry) -> Listed<'static> {
        let (kind, folder) = match entry.mode {
            EntryMode::Directory => ("tree", Some("trees")),
            EntryMode::Submodule => ("commit", None),
            EntryMode::File
            | EntryMode::GroupWritable
            | EntryMode::Executable
            | EntryMode::Symlink => ("blob", Some("blobs")),
        };
        let blob = self.repository.objects.blob(entry.oid);
        Listed {
            path: path.to_owned(),
            mode: entry.mode.as_str(),
            r#type: kind,
            sha: entry.oid,
            size: blob.map(|bytes| bytes.len()),
            url: folder.map(|folder| format!("{}/git/{folder}/{}", self.url, entry.oid)),
        }
    }

    pub(super) fn blob(&self, sha: &str) -> Result<Answer, Answer> {
        let oid: Oid = sha.parse().map_err(|_| Answer::not_found())?;
        let bytes = self.repository.objects.blob(oid);
        let bytes = bytes.ok_or_else(Answer::not_found)?;
        if self.asked.accepts("application/vnd.github.raw")
            || self.asked.accepts("application/vnd.github.v3.raw")
        {
            let kind = "application/vnd.github.raw; charset=utf-8";
            return Ok(Answer::bytes(200, kind, bytes.to_vec()));
        }
        Ok(Answer::json(
            200,
            &json!({
                "sha": oid,
                "node_id": node_id("B", self.repository.id.get()),
                "size": bytes.len(),
                "url": format!("{}/git/blobs/{oid}", self.url),
                "content": wrapped_base64(bytes),
                "encoding": "base64",
            }),
        ))
    }

    /// An annotated tag's own object.
    pub(super) fn tag(&self, sha: &str) -> Result<Answer, Answer> {
        let oid: Oid = sha.parse().map_err(|_| Answer::not_found())?;
        let tag = self.repository.objects.tag(oid);
        let tag = tag.ok_or_else(Answer::not_found)?;
        let url = &self.url;
        let kind = self.repository.objects.kind(tag.object);
        let kind = kind.map_or("commit", crate::git::ObjectKind::as_str);
        let target = json!({
            "sha": tag.object,
            "type": kind,
            "url": format!("{url}/git/{kind}s/{}", tag.object),
        });
        Ok(Answer::json(
            200,
            &json!({
                "sha": oid,
                "node_id": node_id("TA", self.repository.id.get()),
                "url": format!("{url}/git/tags/{oid}"),
                "tag": tag.name,
                "message": tag.message.trim_end(),
                "tagger": person(&tag.tagger),
                "object": target,
                "verification": unverified(),
            }),
        ))
    }
}

fn person(signature: &Signature) -> Value {
    json!({
        "name": signature.name,
        "email": signature.email,
        "date": timestamp(signature.at),
    })
}

fn unverified() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null})
}

/// GitHub breaks base64 after every sixty characters, as the mails of old.
fn wrapped_base64(bytes: &[u8]) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut wrapped = String::with_capacity(encoded.len() + encoded.len() / 60 + 1);
    for line in encoded.as_bytes().chunks(60) {
        wrapped.push_str(&String::from_utf8_lossy(line));
        wrapped.push('\n');
    }
    wrapped
}
