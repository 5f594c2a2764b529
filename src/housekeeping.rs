//! Deletes what has served its time, in small steps, so that nothing waits behind it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::db::{Conn, DbError};
use crate::{blob, content, inbox, queue};

/// Between two rounds.
const INTERVAL: Duration = Duration::from_secs(600);
/// Rows in one transaction.
const STEP: i64 = 200;
/// Between two steps: others have the database to themselves for most of the time.
const BREATH: Duration = Duration::from_millis(20);

/// What is deleted, in this order: content before the blobs that it refers to.
#[derive(Debug, Clone, Copy)]
enum Chore {
    FinishedJobs,
    Bodies,
    Deliveries,
    Contents,
    Blobs,
}

const CHORES: [Chore; 5] = [
    Chore::FinishedJobs,
    Chore::Bodies,
    Chore::Deliveries,
    Chore::Contents,
    Chore::Blobs,
];

/// Works until `stop`.
pub async fn run(context: &Context, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let round = stop.run_until_cancelled(once(context)).await;
        if let Some(Err(error)) = round {
            tracing::warn!(%error, "could not delete what has served its time");
        }
        stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await;
    }
}

/// One round; how many rows went.
pub async fn once(context: &Context) -> Result<usize, DbError> {
    let mut total = 0;
    for chore in CHORES {
        loop {
            let gone = step(context, chore).await?;
            total += gone;
            if gone < usize::try_from(STEP).unwrap_or(usize::MAX) {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
    }
    Ok(total)
}

async fn step(context: &Context, chore: Chore) -> Result<usize, DbError> {
    let before = before(context, chore);
    let mut conn = context.db.write().await?;
    Ok(conn
        .transaction(async |conn| delete(chore, before, conn).await)
        .await?)
}

fn before(context: &Context, chore: Chore) -> DateTime<Utc> {
    let config = &context.config;
    let kept = match chore {
        Chore::FinishedJobs => config.queue.keep_finished,
        Chore::Bodies => config.inbox.keep_bodies,
        Chore::Deliveries => config.inbox.keep_deliveries,
        Chore::Contents | Chore::Blobs => config.sync.grace,
    };
    context.clock.now() - kept
}

async fn delete(chore: Chore, before: DateTime<Utc>, conn: &mut Conn) -> QueryResult<usize> {
    match chore {
        Chore::FinishedJobs => queue::prune(before, STEP, conn).await,
        Chore::Bodies => inbox::prune_bodies(before, STEP, conn).await,
        Chore::Deliveries => inbox::prune_deliveries(before, STEP, conn).await,
        Chore::Contents => content::collect(before, STEP, conn).await,
        Chore::Blobs => blob::collect(before, STEP, conn).await,
    }
}
