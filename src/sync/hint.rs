//! What pushes say of a ref, and whether GitHub's API lags behind them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::db::Conn;
use crate::git::{GitRef, Oid};
use crate::github::ids::{InstallationId, RepositoryId};
use crate::ids::AppRowId;
use crate::inbox::{self, Told};

/// What a push said of the ref: used to tell that GitHub's API lags behind its own webhook, never
/// believed otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushHint {
    /// As sent: `refs/heads/x`.
    pub git_ref: String,
    pub before: Oid,
    pub after: Oid,
    pub sent_at: DateTime<Utc>,
    /// Which installation the delivery was for.
    pub installation_id: Option<InstallationId>,
}

/// GitHub's refs have been seen to read old for a while after the webhook; after this
/// long an old head is taken for the truth.
pub const LAG: TimeDelta = TimeDelta::minutes(5);

impl PushHint {
    pub fn to_json(&self) -> serde_json::Value {
        json!(self)
    }
}

/// When the push was sent that moved a ref to this commit; the first, if it was told several times.
pub(super) fn pushed_at(commit: Oid, pushes: &[PushHint]) -> Option<DateTime<Utc>> {
    let told = pushes.iter().filter(|push| push.after == commit);
    told.map(|push| push.sent_at).min()
}

/// Whether the head that was read is where a push began, although pushes say that it moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lagging {
    No,
    /// Look again then.
    Until(DateTime<Utc>),
    /// For so long that it is taken as it is.
    Stale,
}

/// `head` is zero where GitHub said that there is no such ref, as pushes write it; `pushes` are those
/// of the ref that was read.
pub(super) fn lagging(head: Oid, pushes: &[PushHint], now: DateTime<Utc>) -> Lagging {
    let Some(newest) = newest_on_the_way(head, pushes) else {
        return Lagging::No;
    };
    if is_young(newest.sent_at, now) {
        Lagging::Until(look_again_at(newest.sent_at, now))
    } else {
        Lagging::Stale
    }
}

fn is_young(sent_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - sent_at < LAG
}

/// Soon at first, then as long again as it has been: 1 s, 2 s, 4 s …
pub(super) fn look_again_at(sent_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    now + (now - sent_at).clamp(TimeDelta::seconds(1), TimeDelta::seconds(30))
}

/// The push that told of the head that is known, if it is so young that GitHub's API may not be of one
/// mind about it, and `head` is how the ref was before. Not where a later push led back there; and any
/// other head is the truth, told or not.
pub async fn unsettled(
    known: Oid,
    head: Oid,
    app: AppRowId,
    repository: RepositoryId,
    git_ref: &GitRef,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Told>> {
    let told = inbox::newest_push(app, repository, git_ref, known, conn).await?;
    let Some(told) = told.filter(|told| is_young(told.sent_at, now)) else {
        return Ok(None);
    };
    let told_of_head = inbox::newest_push(app, repository, git_ref, head, conn).await?;
    if told_of_head > Some(told) {
        return Ok(None);
    }
    let left = left_behind(head, told, app, repository, git_ref, conn).await?;
    Ok(left.then_some(told))
}

/// Whether the ref was at `head` before the push that brought it where it is known to be, or before one
/// that led there.
async fn left_behind(
    head: Oid,
    newest: Told,
    app: AppRowId,
    repository: RepositoryId,
    git_ref: &GitRef,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let mut push = Some(newest);
    for _ in 0..PUSHES {
        let Some(told) = push else { break };
        match inbox::before_of(told.delivery, conn).await? {
            Some(before) if before == head => return Ok(true),
            Some(before) => {
                push = inbox::newest_push(app, repository, git_ref, before, conn).await?;
            }
            None => break,
        }
    }
    Ok(false)
}

/// That are followed back from where a ref is known to be.
const PUSHES: usize = 32;

/// Follows the pushes that lead on from `head`, in whatever order they came. `None` when there are
/// none, or when they lead back to it: then it was pushed and put back.
fn newest_on_the_way(head: Oid, pushes: &[PushHint]) -> Option<&PushHint> {
    let (mut at, mut newest) = (head, None::<&PushHint>);
    let mut ahead: Vec<&PushHint> = pushes.iter().collect();
    while let Some(index) = ahead
        .iter()
        .position(|push| push.before == at && push.after != at)
    {
        let push = ahead.swap_remove(index);
        if push.after == head {
            return None;
        }
        at = push.after;
        newest = newest
            .into_iter()
            .chain([push])
            .max_by_key(|push| push.sent_at);
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: u8) -> Oid {
        Oid::from_bytes([digit; 20])
    }

    fn push(before: u8, after: u8, seconds_ago: i64) -> PushHint {
        let sent_at = now() - TimeDelta::seconds(seconds_ago);
        PushHint {
            git_ref: "refs/heads/main".into(),
            before: oid(before),
            after: oid(after),
            sent_at,
            installation_id: None,
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("an instant")
    }

    #[test]
    fn g23_only_the_head_before_a_young_push_is_waited_for() {
        let cases: [(&str, u8, Vec<PushHint>, Lagging); 10] = [
            ("no push", 1, vec![], Lagging::No),
            ("the push has arrived", 2, vec![push(1, 2, 3)], Lagging::No),
            (
                "some other head is the truth",
                3,
                vec![push(1, 2, 3)],
                Lagging::No,
            ),
            (
                "still before",
                1,
                vec![push(1, 2, 3)],
                Lagging::Until(now() + TimeDelta::seconds(3)),
            ),
            (
                "at once",
                1,
                vec![push(1, 2, 0)],
                Lagging::Until(now() + TimeDelta::seconds(1)),
            ),
            (
                "before the first of two",
                1,
                vec![push(1, 2, 9), push(2, 3, 9)],
                Lagging::Until(now() + TimeDelta::seconds(9)),
            ),
            (
                "pushed and put back",
                1,
                vec![push(1, 2, 3), push(2, 1, 2)],
                Lagging::No,
            ),
            (
                "between two",
                2,
                vec![push(1, 2, 3), push(2, 3, 3)],
                Lagging::Until(now() + TimeDelta::seconds(3)),
            ),
            (
                "between two that came in reverse",
                2,
                vec![push(2, 3, 3), push(1, 2, 3)],
                Lagging::Until(now() + TimeDelta::seconds(3)),
            ),
            ("for too long", 1, vec![push(1, 2, 301)], Lagging::Stale),
        ];
        for (what, head, pushes, expected) in cases {
            assert_eq!(lagging(oid(head), &pushes, now()), expected, "{what}");
        }
    }

    #[test]
    fn a_created_ref_that_is_not_there_yet_is_waited_for() {
        assert!(matches!(
            lagging(Oid::ZERO, &[push(0, 2, 1)], now()),
            Lagging::Until(_)
        ));
        assert_eq!(
            lagging(Oid::ZERO, &[push(1, 0, 1)], now()),
            Lagging::No,
            "a deletion"
        );
    }
}
