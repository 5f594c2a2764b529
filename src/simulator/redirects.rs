use std::collections::HashMap;

use crate::github::RepositoryName;
use crate::github::ids::RepositoryId;

/// What repositories were called before, until something else takes the name.
///
/// A login that somebody else takes ends none of them: only a repository that is called so does.
#[derive(Debug, Default)]
pub(super) struct Redirects(HashMap<(String, String), RepositoryId>);

impl Redirects {
    pub(super) fn find(&self, name: &RepositoryName) -> Option<RepositoryId> {
        self.0.get(&lowercase(name)).copied()
    }

    pub(super) fn leave(&mut self, old: &RepositoryName, to: RepositoryId) {
        self.0.insert(lowercase(old), to);
    }

    /// A repository is called so now: the redirect is gone for good.
    pub(super) fn end(&mut self, name: &RepositoryName) {
        self.0.remove(&lowercase(name));
    }
}

/// GitHub's names are compared without case.
fn lowercase(name: &RepositoryName) -> (String, String) {
    (
        name.owner.to_ascii_lowercase(),
        name.name.to_ascii_lowercase(),
    )
}
