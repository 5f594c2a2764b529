//! Deletes what has served its time, in small steps, so that nothing waits behind it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::db::{Conn, DbError};
use crate::{audit, blob, content, healing, inbox, queue, session};

/// Between two rounds.
const INTERVAL: Duration = Duration::from_secs(600);
/// Rows in one transaction.
const STEP: i64 = 200;
/// Between two steps: others have the database to themselves for most of the time.
const BREATH: Duration = Duration::from_millis(20);

/// What is deleted, in this order: content before the blobs that it refers to.
#[derive(Debug, Clone, Copy)]
enum Chore {
    HealingJobs,
    FinishedJobs,
    Bodies,
    Deliveries,
    Contents,
    Blobs,
    Audit,
    Sessions,
}

const CHORES: [Chore; 8] = [
    Chore::HealingJobs,
    Chore::FinishedJobs,
    Chore::Bodies,
    Chore::Deliveries,
    Chore::Contents,
    Chore::Blobs,
    Chore::Audit,
    Chore::Sessions,
];

/// Works until `stop`.
pub async fn run(context: &Context, stop: CancellationToken) {
    while !stop.is_cancelled() {
        for chore in CHORES {
            // Each by itself: one that fails keeps no other from being done.
            if let Some(Err(error)) = stop.run_until_cancelled(finish(context, chore)).await {
                tracing::warn!(%error, ?chore, "could not delete what has served its time");
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await;
    }
}

/// One round of everything.
pub async fn once(context: &Context) -> Result<(), DbError> {
    for chore in CHORES {
        finish(context, chore).await?;
    }
    Ok(())
}

async fn finish(context: &Context, chore: Chore) -> Result<(), DbError> {
    while step(context, chore).await? {
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

/// Whether more of it may be left.
async fn step(context: &Context, chore: Chore) -> Result<bool, DbError> {
    let before = before(context, chore);
    let mut conn = context.db.write().await?;
    Ok(conn
        .transaction(async |conn| delete(chore, before, conn).await)
        .await?)
}

fn before(context: &Context, chore: Chore) -> DateTime<Utc> {
    let config = &context.config;
    let kept = match chore {
        Chore::HealingJobs => return context.clock.now() - healing::KEPT,
        Chore::FinishedJobs => config.queue.keep_finished,
        Chore::Bodies => config.inbox.keep_bodies,
        Chore::Deliveries => config.inbox.keep_deliveries,
        Chore::Contents | Chore::Blobs => config.sync.grace,
        Chore::Audit => config.access.keep_audit,
        // They say themselves when they end.
        Chore::Sessions => return context.clock.now(),
    };
    context.clock.now() - kept
}

async fn delete(chore: Chore, before: DateTime<Utc>, conn: &mut Conn) -> QueryResult<bool> {
    let gone = match chore {
        Chore::HealingJobs => healing::prune(before, STEP, conn).await?,
        Chore::FinishedJobs => queue::prune(before, STEP, conn).await?,
        Chore::Bodies => inbox::prune_bodies(before, STEP, conn).await?,
        Chore::Deliveries => inbox::prune_deliveries(before, STEP, conn).await?,
        Chore::Contents => return content::collect(before, conn).await,
        Chore::Blobs => blob::collect(before, STEP, conn).await?,
        Chore::Audit => audit::prune(before, STEP, conn).await?,
        Chore::Sessions => session::prune(before, STEP, conn).await?,
    };
    Ok(i64::try_from(gone).is_ok_and(|gone| gone >= STEP))
}
