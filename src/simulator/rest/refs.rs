use serde_json::{Value, json};

use crate::git::{ObjectKind, Oid};
use crate::simulator::payload::node_id;

use super::Answer;
use super::git::Reader;

impl Reader<'_> {
    /// A name as git resolves it: a sha, `HEAD`, then `refs/x`, `refs/tags/x`, `refs/heads/x`.
    pub(super) fn resolve(&self, name: &str) -> Option<Oid> {
        if let Ok(oid) = name.parse::<Oid>() {
            return self.repository.objects.kind(oid).map(|_| oid);
        }
        if name == "HEAD" {
            let head = format!("refs/heads/{}", self.repository.default_branch);
            return self.refs.get(head.as_str()).copied();
        }
        ["", "refs/", "refs/tags/", "refs/heads/"]
            .iter()
            .find_map(|space| self.refs.get(format!("{space}{name}").as_str()))
            .copied()
    }

    /// Before the first push there is nothing to find.
    pub(super) fn not_empty(&self) -> Result<(), Answer> {
        if self.refs.is_empty() {
            return Err(Answer::message(409, "Git Repository is empty."));
        }
        Ok(())
    }

    pub(super) fn branch(&self, name: &str) -> Result<Answer, Answer> {
        let full = format!("refs/heads/{name}");
        let head = self.refs.get(full.as_str());
        let head = head.ok_or_else(|| Answer::message(404, "Branch not found"))?;
        let commit = self.commit_brief(*head).ok_or_else(Answer::not_found)?;
        Ok(Answer::json(
            200,
            &json!({
                "name": name,
                "commit": commit,
                "_links": {"self": format!("{}/branches/{name}", self.url)},
                "protected": false,
            }),
        ))
    }

    /// One ref by its exact name, `heads/x` or `tags/x`.
    pub(super) fn git_ref(&self, name: &str) -> Result<Answer, Answer> {
        self.not_empty()?;
        let full = format!("refs/{name}");
        let oid = self.refs.get(full.as_str());
        let oid = oid.ok_or_else(Answer::not_found)?;
        Ok(Answer::json(200, &self.ref_shown(&full, *oid)))
    }

    pub(super) fn matching_refs(&self, prefix: &str) -> Answer {
        let prefix = format!("refs/{prefix}");
        let shown: Vec<Value> = self
            .refs
            .iter()
            .filter(|(full, _)| full.starts_with(&prefix))
            .map(|(full, oid)| self.ref_shown(full, *oid))
            .collect();
        Answer::json(200, &shown)
    }

    fn ref_shown(&self, full: &str, oid: Oid) -> Value {
        let kind = self.repository.objects.kind(oid);
        let kind = kind.unwrap_or(ObjectKind::Commit).as_str();
        let url = &self.url;
        json!({
            "ref": full,
            "node_id": node_id("REF", self.repository.id.get()),
            "url": format!("{url}/git/{full}"),
            "object": {"sha": oid, "type": kind, "url": format!("{url}/git/{kind}s/{oid}")},
        })
    }
}
