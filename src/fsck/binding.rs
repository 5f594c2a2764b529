//! I4, I5, I6, I9 and I10 of one binding after the other, each in a snapshot of its own.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Findings, Invariant, Options, Rule, grants, publishes, tree};
use crate::binding::{self, Binding, Status};
use crate::clock::Clock;
use crate::content::{self, Content};
use crate::db::Conn;
use crate::db::schema::{bindings, contents, jobs};
use crate::ids::{BindingId, ContentId};
use crate::queue::{self, JobState};
use crate::{repository, sync};

const OF_ANOTHER: Rule = Rule {
    invariant: Invariant::Identity,
    name: "content_of_another_repository",
    means: "What is served under a binding is not of the repository, or not of the binding, that it should be of.",
    remedy: "DELETE the binding and PUT it again; find out what wrote the row, for Bindery does not.",
};

const NO_CONTENT: Rule = Rule {
    invariant: Invariant::Atomic,
    name: "succeeded_without_content",
    means: "A binding counts as synced, and there is nothing to serve: its content was deleted behind Bindery's back.",
    remedy: "Sync it (POST {binding}/sync): everything is fetched anew.",
};

const WENT_BACK: Rule = Rule {
    invariant: Invariant::NeverBack,
    name: "newer_content_not_served",
    means: "Something was published for the binding after what is served now: the pointer was moved back.",
    remedy: "Sync it (POST {binding}/sync); find out what wrote the row, for Bindery does not.",
};

const WAITS_FOR_NOTHING: Rule = Rule {
    invariant: Invariant::Live,
    name: "pending_without_job",
    means: "A binding waits for a sync, and none waits or runs: it would stay so until the next push.",
    remedy: "Sync it (POST {binding}/sync).",
};

const GIVEN_UP_UNSEEN: Rule = Rule {
    invariant: Invariant::Live,
    name: "given_up_and_not_shown",
    means: "The newest job of a binding was given up, and the binding does not show that it failed.",
    remedy: "Sync it (POST {binding}/sync).",
};

/// Ids of one page.
const PAGE: i64 = 1000;

/// A binding with what is served of it.
pub(super) struct Bound {
    pub(super) binding: Binding,
    pub(super) content: Option<Content>,
}

impl Bound {
    pub(super) fn place(&self) -> String {
        let content = self
            .content
            .as_ref()
            .map_or_else(String::new, |content| format!(", content {}", content.id));
        format!(
            "binding {} ({}, of organisation {}){content}",
            self.binding.id, self.binding.name, self.binding.organization_id
        )
    }
}

pub(super) async fn check(
    options: &Options,
    clock: &Clock,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let mut last = BindingId::new(0);
    loop {
        let page: Vec<BindingId> = bindings::table
            .filter(bindings::id.gt(last))
            .order(bindings::id)
            .limit(PAGE)
            .select(bindings::id)
            .load(conn)
            .await?;
        let Some(end) = page.last() else {
            return Ok(());
        };
        last = *end;
        findings.looked_at("bindings", page.len());
        for id in page {
            let now = clock.now();
            conn.snapshot(async |conn| check_one(id, options, now, findings, conn).await)
                .await?;
        }
    }
}

async fn check_one(
    id: BindingId,
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let Some(binding) = binding::find(id, conn).await? else {
        return Ok(()); // Deleted meanwhile.
    };
    let content = match binding.content_id {
        Some(content) => content::find(content, conn).await?,
        None => None,
    };
    let bound = Bound { binding, content };
    check_identity(&bound, findings, conn).await?;
    check_newest(&bound, findings, conn).await?;
    check_job(&bound, options, now, findings, conn).await?;
    if let Some(content) = &bound.content {
        grants::check(&bound, content, options, findings, conn).await?;
        tree::check(&bound, content, findings, conn).await?;
    }
    publishes::check(&bound, options, now, findings, conn).await
}

async fn check_identity(
    bound: &Bound,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let Bound { binding, content } = bound;
    let Some(content) = content else {
        if binding.status == Status::Succeeded {
            findings.add(&NO_CONTENT, bound.place(), "no content");
        }
        return Ok(());
    };
    let mut wrong = |what: String| findings.add(&OF_ANOTHER, bound.place(), what);
    if content.binding_id != binding.id {
        wrong(format!(
            "it is the content of binding {}",
            content.binding_id
        ));
    }
    // Bound elsewhere and not synced yet, it serves what it had.
    if binding
        .repository_id
        .is_some_and(|bound| bound != content.repository_id)
    {
        wrong(format!(
            "it is of the repository in row {}",
            content.repository_id
        ));
    }
    if binding.status == Status::Succeeded && binding.root_path != content.root_path {
        wrong(format!(
            "it is of {}, not of {}",
            content.root_path, binding.root_path
        ));
    }
    if let Some(repository) = repository::find(content.repository_id, conn).await?
        && repository.github_host != binding.github_host
    {
        wrong(format!("it is from {}", repository.github_host));
    }
    Ok(())
}

/// A publish makes a content and points at it: none that is newer can be left.
async fn check_newest(bound: &Bound, findings: &mut Findings, conn: &mut Conn) -> QueryResult<()> {
    let Some(served) = bound.binding.content_id else {
        return Ok(());
    };
    let newest: Option<ContentId> = contents::table
        .filter(contents::binding_id.eq(bound.binding.id))
        .order(contents::id.desc())
        .select(contents::id)
        .first(conn)
        .await
        .optional()?;
    if let Some(newest) = newest.filter(|newest| *newest > served) {
        findings.add(
            &WENT_BACK,
            bound.place(),
            format!("content {newest} is newer"),
        );
    }
    Ok(())
}

async fn check_job(
    bound: &Bound,
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let binding = &bound.binding;
    let unfinished = queue::running_or_waiting(sync::KIND, binding.id.get(), conn).await?;
    if !unfinished.is_empty() {
        return Ok(());
    }
    let long_ago = binding.updated_at + options.patience < now;
    if binding.status == Status::Pending && binding.finding.is_none() && long_ago {
        let what = format!("pending since {}", binding.updated_at);
        findings.add(&WAITS_FOR_NOTHING, bound.place(), what);
    }
    let last: Option<JobState> = match binding.last_job_id {
        Some(job) => jobs::table
            .find(job)
            .select(jobs::state)
            .first(conn)
            .await
            .optional()?,
        None => None,
    };
    if last == Some(JobState::Discarded) && binding.status != Status::Failed {
        let what = format!("it shows {}", binding.status);
        findings.add(&GIVEN_UP_UNSEEN, bound.place(), what);
    }
    Ok(())
}
