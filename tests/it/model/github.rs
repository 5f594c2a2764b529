//! The model: what is so on GitHub, in as few words as will do, and what a binding ought to show for it.

use std::collections::{BTreeMap, BTreeSet};

use bindery::git::Oid;
use bindery::github::ids::{InstallationId, RepositoryId};

use super::op::{Ref, Who};

#[derive(Debug, Clone)]
pub struct Commit {
    pub oid: Oid,
    /// What every file of it says: whose it is, and which commit.
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct Repo {
    pub id: RepositoryId,
    pub owner: Who,
    pub name: String,
    pub alive: bool,
    pub public: bool,
    pub default: &'static str,
    /// Full ref → commit.
    pub refs: BTreeMap<String, Commit>,
    /// With whom it has been: through their installations it may have been seen last.
    pub been_with: Vec<Who>,
    pub history: Vec<Commit>,
    /// It was taken out of an installation at some time: a notice of that may come late, when it is gone.
    pub was_removed: bool,
    /// It was taken out while nobody was told: whether it is lost or gone cannot be known.
    pub unexplained: bool,
}

#[derive(Debug, Clone)]
pub struct Installed {
    pub id: InstallationId,
    pub suspended: bool,
    /// `None`: all.
    pub selection: Option<BTreeSet<RepositoryId>>,
    pub reads: bool,
}

#[derive(Debug, Clone)]
pub struct Owner {
    pub login: String,
    pub installed: Option<Installed>,
}

#[derive(Debug)]
pub struct Model {
    pub owners: BTreeMap<u8, Owner>,
    pub repos: Vec<Repo>,
    pub granted: BTreeSet<InstallationId>,
    /// Events that never existed: what they would have told may stay unknown.
    pub omitted: bool,
}

/// What a binding ought to show at the end.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    Reachable {
        name: String,
        text: String,
    },
    RefMissing,
    NotGranted,
    Suspended,
    AccessLost,
    Gone,
    /// Lost or gone, or behind a suspension: nobody could tell.
    OutOfReach,
}

impl Expected {
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Reachable { .. } => "reachable",
            Self::RefMissing => "ref_missing",
            Self::NotGranted => "not_granted",
            Self::Suspended => "suspended",
            Self::AccessLost => "access_lost",
            Self::Gone => "gone",
            Self::OutOfReach => "out of reach",
        }
    }
}

impl Model {
    pub fn owner(&self, who: Who) -> &Owner {
        &self.owners[&(who as u8)]
    }

    pub fn owner_mut(&mut self, who: Who) -> &mut Owner {
        self.owners
            .get_mut(&(who as u8))
            .expect("all three are there")
    }

    pub fn alive(&self) -> Vec<usize> {
        let alive = |index: &usize| self.repos[*index].alive;
        (0..self.repos.len()).filter(alive).collect()
    }

    pub fn holder(&self, who: Who, name: &str) -> Option<usize> {
        let holds =
            |repo: &Repo| repo.alive && repo.owner == who && repo.name.eq_ignore_ascii_case(name);
        self.repos.iter().position(holds)
    }

    pub fn find(&self, id: RepositoryId) -> &Repo {
        let found = self.repos.iter().find(|repo| repo.id == id);
        found.expect("a repository that was made here")
    }

    pub fn full_name(&self, repo: &Repo) -> String {
        format!("{}/{}", self.owner(repo.owner).login, repo.name)
    }

    /// The installation that covers it, whether that works or not.
    pub fn cover(&self, repo: &Repo) -> Option<&Installed> {
        let installed = self.owner(repo.owner).installed.as_ref()?;
        let selected = installed
            .selection
            .as_ref()
            .is_none_or(|selection| selection.contains(&repo.id));
        (repo.alive && selected).then_some(installed)
    }

    pub fn expected(&self, id: RepositoryId, git_ref: Ref) -> Expected {
        let repo = self.find(id);
        let Some(cover) = self.cover(repo) else {
            return self.out_of_reach(repo);
        };
        if !cover.reads {
            Expected::AccessLost
        } else if cover.suspended {
            Expected::Suspended
        } else if !self.granted.contains(&cover.id) {
            Expected::NotGranted
        } else {
            match self.commit(repo, git_ref) {
                Some(commit) => Expected::Reachable {
                    name: self.full_name(repo),
                    text: commit.text.clone(),
                },
                None => Expected::RefMissing,
            }
        }
    }

    fn out_of_reach(&self, repo: &Repo) -> Expected {
        // Behind an installation that does not work, nobody can look.
        let hidden = repo.been_with.iter().any(|who| {
            let installed = self.owner(*who).installed.as_ref();
            installed.is_some_and(|installed| installed.suspended || !installed.reads)
        });
        if repo.unexplained || self.omitted || hidden || (!repo.alive && repo.was_removed) {
            Expected::OutOfReach
        } else if repo.alive {
            Expected::AccessLost
        } else {
            Expected::Gone
        }
    }

    pub fn commit<'a>(&self, repo: &'a Repo, git_ref: Ref) -> Option<&'a Commit> {
        let full = match git_ref {
            Ref::Default => format!("refs/heads/{}", repo.default),
            Ref::Main => "refs/heads/main".to_owned(),
            Ref::Dev => "refs/heads/dev".to_owned(),
            Ref::Tag => "refs/tags/v1".to_owned(),
        };
        repo.refs.get(&full)
    }
}
