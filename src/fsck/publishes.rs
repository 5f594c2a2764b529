//! I6: each content was published by one attempt of one job, and each attempt published one content.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::binding::Bound;
use super::{Findings, Invariant, Options, Rule, surely_kept};
use crate::db::schema::{contents, jobs};
use crate::db::{Conn, Json};
use crate::queue::JobState;
use crate::sync;

const UNACCOUNTED: Rule = Rule {
    invariant: Invariant::Atomic,
    name: "published_by_no_job",
    means: "More was published for the binding than its jobs account for: an attempt published twice, or after it had lost its job.",
    remedy: "Sync it (POST {binding}/sync), and report it: the fence should have kept it out.",
};

/// By how much two clocks of one process, or of two, may differ.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// Commit and tree.
type Published = (String, String);

pub(super) async fn check(
    bound: &Bound,
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let made: Vec<(String, String, DateTime<Utc>)> = contents::table
        .filter(contents::binding_id.eq(bound.binding.id))
        // Jobs are kept that long; content that was replaced is not kept any longer.
        .filter(contents::created_at.gt(surely_kept(options.keep_finished, now)))
        .select((
            contents::commit_sha,
            contents::tree_sha,
            contents::created_at,
        ))
        .load(conn)
        .await?;
    let Some(oldest) = made.iter().map(|(.., at)| *at).min() else {
        return Ok(());
    };
    let mut accounted = published_since(bound, oldest - SKEW, conn).await?;
    for (commit, tree, at) in made {
        match accounted.get_mut(&(commit.clone(), tree.clone())) {
            Some(times) if *times > 0 => *times -= 1,
            _ => findings.add(
                &UNACCOUNTED,
                bound.place(),
                format!("commit {commit}, tree {tree}, published at {at}"),
            ),
        }
    }
    Ok(())
}

/// How often the binding's jobs say that they published each.
async fn published_since(
    bound: &Bound,
    since: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<BTreeMap<Published, usize>> {
    let results: Vec<Option<Json<serde_json::Value>>> = jobs::table
        .filter(jobs::kind.eq(sync::KIND))
        .filter(jobs::target.eq(bound.binding.id.get()))
        .filter(jobs::state.eq(JobState::Completed))
        .filter(jobs::finalized_at.ge(since))
        .select(jobs::result)
        .load(conn)
        .await?;
    let mut times = BTreeMap::new();
    for Json(result) in results.into_iter().flatten() {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        if result["outcome"] == "published" && result.get("not_published").is_none() {
            *times.entry((text("commit"), text("tree"))).or_default() += 1;
        }
    }
    Ok(times)
}
