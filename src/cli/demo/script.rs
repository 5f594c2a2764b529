//! What goes wrong in the course of the demo, and when.

/// Counted from 0, over the pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Script {
    /// After it (or the first one that arrived, when that was later) the first delivery comes again.
    pub(super) redelivered_after: usize,
    /// Before it the repository is renamed.
    pub(super) renamed_before: usize,
    /// Its delivery never arrives. Never the last one: the next push heals it.
    pub(super) lost: Option<usize>,
}

impl Script {
    pub(super) fn of(pushes: usize) -> Self {
        Self {
            redelivered_after: pushes / 3,
            renamed_before: pushes / 2,
            lost: pushes
                .checked_sub(2)
                .map(|last_but_one| last_but_one.min(pushes * 2 / 3)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_lost_is_followed_by_another_push() {
        assert_eq!(Script::of(1).lost, None);
        for pushes in 2..100 {
            let script = Script::of(pushes);
            let lost = script.lost.expect("one of several is lost");
            assert!(lost + 1 < pushes, "{pushes}");
            assert!(script.renamed_before < pushes && script.redelivered_after < pushes);
        }
    }

    #[test]
    fn twelve_pushes() {
        let script = Script {
            redelivered_after: 4,
            renamed_before: 6,
            lost: Some(8),
        };
        assert_eq!(Script::of(12), script);
    }
}
