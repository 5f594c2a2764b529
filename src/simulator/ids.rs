use crate::github::ids::{InstallationId, OwnerId, RepositoryId};

use super::Simulator;

/// Where a GitHub starts to count: two that start alike have colliding ids.
///
/// The first thing of each kind gets exactly this id; those after it get higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstIds {
    pub owner: i64,
    pub repository: i64,
    pub installation: i64,
}

/// Far from 1 and from each other, as github.com's are by now.
impl Default for FirstIds {
    fn default() -> Self {
        Self {
            owner: 161_480_017,
            repository: 874_310_031,
            installation: 56_120_013,
        }
    }
}

/// Numbers that only go up: an id is never given twice, whatever was deleted.
#[derive(Debug, Default)]
pub(super) struct Ids(FirstIds);

const POSITIVE: &str = "ids count up from a positive number";

/// The next number of a kind; the one after it is `step` higher.
fn take(next: &mut i64, step: i64) -> i64 {
    let taken = *next;
    *next += step;
    taken
}

impl Ids {
    pub(super) fn owner(&mut self) -> OwnerId {
        OwnerId::new(take(&mut self.0.owner, 17)).expect(POSITIVE)
    }

    pub(super) fn repository(&mut self) -> RepositoryId {
        RepositoryId::new(take(&mut self.0.repository, 31)).expect(POSITIVE)
    }

    pub(super) fn installation(&mut self) -> InstallationId {
        InstallationId::new(take(&mut self.0.installation, 13)).expect(POSITIVE)
    }
}

impl Simulator {
    /// Where ids count from.
    ///
    /// # Panics
    ///
    /// If something was made already, or an id would not be positive.
    pub fn start_ids_at(&self, first: FirstIds) {
        let all = [first.owner, first.repository, first.installation];
        assert!(all.iter().all(|id| *id > 0), "{POSITIVE}");
        self.with(|world| {
            assert!(world.is_empty(), "ids were given already");
            world.ids = Ids(first);
        });
    }
}
