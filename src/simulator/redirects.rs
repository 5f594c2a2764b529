use std::collections::HashMap;

use crate::github::RepositoryName;
use crate::github::ids::{OwnerId, RepositoryId};

/// What repositories were called before, until something else takes the name.
#[derive(Debug, Default)]
pub(super) struct Redirects(HashMap<(String, String), Redirect>);

#[derive(Debug)]
struct Redirect {
    to: RepositoryId,
    /// Whose login stood before the slash.
    left_by: OwnerId,
}

impl Redirects {
    pub(super) fn find(&self, name: &RepositoryName) -> Option<RepositoryId> {
        self.0.get(&lowercase(name)).map(|redirect| redirect.to)
    }

    pub(super) fn leave(&mut self, old: &RepositoryName, left_by: OwnerId, to: RepositoryId) {
        self.0.insert(lowercase(old), Redirect { to, left_by });
    }

    /// A repository is called so now: the redirect is gone for good.
    pub(super) fn end(&mut self, name: &RepositoryName) {
        self.0.remove(&lowercase(name));
    }

    /// Somebody is called so now. Redirects that another one left under this login are gone for good.
    pub(super) fn end_login(&mut self, login: &str, by: OwnerId) {
        self.0
            .retain(|(owner, _), left| left.left_by == by || !owner.eq_ignore_ascii_case(login));
    }
}

/// GitHub's names are compared without case.
fn lowercase(name: &RepositoryName) -> (String, String) {
    (
        name.owner.to_ascii_lowercase(),
        name.name.to_ascii_lowercase(),
    )
}
