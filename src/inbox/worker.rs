//! Processes what was received: the second leg. Database only, one transaction a delivery; those that concern
//! nothing bound share one.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::ledger::{self, Delivery, DeliveryState};
use super::reading::{Read, filed, read};
use super::settle::{count, mark, span};
use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::Grants;
use crate::db::schema::deliveries;
use crate::db::{self, Channel, Conn, Db, DbError, Dialect, Driver};
use crate::ids::DeliveryId;
use crate::processors::{self, Processing, Verdict};
use crate::queue::Backoff;

/// Deliveries that are looked at together.
const AT_ONCE: i64 = 64;

/// Before looking again at what others have locked.
const BUSY: Duration = Duration::from_millis(50);

/// What came of looking for deliveries.
enum Looked {
    NothingDue,
    /// None of them, when others have them all.
    Processed(usize),
}

#[derive(Debug, Clone)]
pub struct InboxSettings {
    /// Deliveries at a time in this process.
    pub workers: usize,
    /// After this many failures a delivery is set aside, visible and replayable.
    pub max_attempts: i32,
    pub backoff: Backoff,
    /// How often to look although nothing woke us.
    pub poll: Duration,
    /// What the jobs get that events make.
    pub job_max_attempts: i32,
    pub grants: Grants,
}

#[derive(Debug, Clone)]
pub struct InboxWorker {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) apps: Apps,
    settings: Arc<InboxSettings>,
}

impl InboxWorker {
    pub fn new(db: Db, clock: Clock, apps: Apps, settings: InboxSettings) -> Self {
        Self {
            db,
            clock,
            apps,
            settings: Arc::new(settings),
        }
    }

    /// Works until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.process_some(self.settings.workers, &stop).await {
                Ok(Looked::Processed(0)) => {
                    // Others have what is due in their hands.
                    tokio::time::sleep(BUSY).await;
                    continue;
                }
                Ok(Looked::Processed(_)) => continue,
                Ok(Looked::NothingDue) => {}
                Err(error) => tracing::warn!(%error, "no delivery could be processed"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.db.wakes().wait(Channel::Inbox) => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
    }

    /// Processes everything that waits, in its order; how many deliveries that were.
    pub async fn drain(&self) -> Result<usize, DbError> {
        let (mut processed, never) = (0, CancellationToken::new());
        while let Looked::Processed(some) = self.process_some(1, &never).await? {
            processed += some;
        }
        Ok(processed)
    }

    /// Those that concern nothing bound are settled together, the others one by one, so many at a time.
    async fn process_some(
        &self,
        at_a_time: usize,
        stop: &CancellationToken,
    ) -> Result<Looked, DbError> {
        let due = self.due().await?;
        if due.is_empty() {
            return Ok(Looked::NothingDue);
        }
        let settled = if due.len() > 1 {
            self.settle_quiet(&due).await
        } else {
            BTreeSet::new()
        };
        let mut left: Vec<DeliveryId> =
            due.into_iter().filter(|id| !settled.contains(id)).collect();
        if at_a_time > 1 && !left.is_empty() {
            // Other processes have seen the same: each begins somewhere else.
            let first = rand::random_range(0..left.len());
            left.rotate_left(first);
        }
        let one_by_one = left.into_iter().map(|id| async move {
            if stop.is_cancelled() {
                return Ok(false);
            }
            self.process_one(id).await
        });
        let processed = stream::iter(one_by_one)
            .buffer_unordered(at_a_time.max(1))
            .try_fold(settled.len(), async |processed, one| {
                Ok(processed + usize::from(one))
            });
        Ok(Looked::Processed(processed.await?))
    }

    /// The next that are due, of the Apps that this process knows.
    async fn due(&self) -> Result<Vec<DeliveryId>, DbError> {
        let mut conn = self.db.read().await?;
        let due = deliveries::table
            .filter(ledger::is_waiting())
            .filter(deliveries::scheduled_at.le(self.clock.now()))
            .filter(deliveries::github_app_id.eq_any(self.apps.rows()))
            .order((deliveries::scheduled_at, deliveries::id))
            .select(deliveries::id)
            .limit(AT_ONCE);
        Ok(due.load(&mut conn).await?)
    }

    /// `false` when another has it, or has done it.
    async fn process_one(&self, id: DeliveryId) -> Result<bool, DbError> {
        let mut taken = None;
        let worked = {
            let (now, taken) = (self.clock.now(), &mut taken);
            let mut conn = self.db.write().await?;
            let work = async move {
                conn.transaction(async |conn| {
                    let Some(due) = take(id, now, conn).await? else {
                        return Ok(());
                    };
                    *taken = Some(due);
                    // A row that only another version can read fails here, and is put off as any other.
                    match ledger::find(id, conn).await? {
                        Some(delivery) => self.process(&delivery, now, conn).await,
                        None => Ok(()),
                    }
                })
                .await
            };
            AssertUnwindSafe(work).catch_unwind().await
        };
        let failure = match worked {
            Ok(Ok(())) => return Ok(taken.is_some()),
            Ok(Err(error)) => Failure {
                counts: !db::is_passing(&error),
                text: error.to_string(),
            },
            Err(_) => Failure {
                counts: true,
                text: "the processor panicked".to_owned(),
            },
        };
        let Some(taken) = taken else {
            return Err(DbError::Connection(failure.text));
        };
        self.put_back(&taken, &failure).await?;
        Ok(true)
    }

    async fn process(
        &self,
        delivery: &Delivery,
        now: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        let span = span(delivery);
        self.decide(delivery, now, conn).instrument(span).await
    }

    async fn decide(
        &self,
        delivery: &Delivery,
        now: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        let Some(app) = self.apps.of_row(delivery.github_app_id) else {
            return mark(delivery, &Verdict::ignored("app_not_configured"), now, conn).await;
        };
        let Some(body) = ledger::body(delivery.id, conn).await? else {
            return mark(delivery, &Verdict::ignored("body_pruned"), now, conn).await;
        };
        let verdict = match read(delivery, &body) {
            Ok(Read { event, envelope }) => {
                let processing = Processing {
                    delivery,
                    app,
                    now,
                    job_max_attempts: self.settings.job_max_attempts,
                    grants: self.settings.grants,
                };
                let verdict = processors::process(&event, &processing, conn).await?;
                filed(verdict, envelope)
            }
            Err(unprocessable) => *unprocessable,
        };
        mark(delivery, &verdict, now, conn).await
    }

    /// Unless somebody else has processed it meanwhile: then nothing is left to do.
    async fn put_back(&self, taken: &Taken, failure: &Failure) -> Result<(), DbError> {
        let now = self.clock.now();
        let attempts = taken.attempts + i32::from(failure.counts);
        let failed = attempts >= self.settings.max_attempts;
        let state = if failed {
            DeliveryState::Failed
        } else {
            DeliveryState::Received
        };
        let backoff = self.settings.backoff;
        let wait = backoff.delay(u32::try_from(attempts).unwrap_or(0).max(1), rand::random());
        let changes = (
            deliveries::state.eq(state),
            deliveries::attempts.eq(attempts),
            deliveries::scheduled_at.eq(now + wait),
            deliveries::reason.eq(failed.then_some("processing_failed")),
            deliveries::detail.eq(failure.text.replace('\0', "")),
            deliveries::processed_at.eq(failed.then_some(now)),
        );
        let as_taken = deliveries::table
            .find(taken.id)
            .filter(deliveries::state.eq(DeliveryState::Received))
            .filter(deliveries::attempts.eq(taken.attempts));
        let mut conn = self.db.write().await?;
        let rows = diesel::update(as_taken)
            .set(changes)
            .execute(&mut conn)
            .await?;
        if rows == 1 {
            tell_of_failure(taken, attempts, &failure.text, failed);
        }
        Ok(())
    }
}

/// Why a delivery could not be processed.
struct Failure {
    text: String,
    /// Whether it says something about the delivery, and not only about the database at that moment: that
    /// uses up no attempt, however long it lasts.
    counts: bool,
}

/// Someone has to look only when no further attempt will be made.
fn tell_of_failure(taken: &Taken, attempts: i32, failure: &str, failed: bool) {
    let (guid, event) = (&taken.guid, &taken.event);
    if failed {
        count(event, DeliveryState::Failed);
        tracing::error!(
            delivery.guid = guid,
            github.event = event,
            attempts,
            failure,
            "gave a delivery up; it can be replayed"
        );
    } else {
        tracing::warn!(
            delivery.guid = guid,
            github.event = event,
            attempts,
            failure,
            "could not process a delivery; it will be tried again"
        );
    }
}

/// What a delivery is put back by: no more of its row than every version can read.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(Dialect))]
struct Taken {
    id: DeliveryId,
    guid: String,
    event: String,
    attempts: i32,
}

/// Locked until the transaction ends; `None` when it is not due any more, or another has locked it.
async fn take(id: DeliveryId, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Option<Taken>> {
    let due = deliveries::table
        .filter(deliveries::id.eq(id.get()))
        .filter(deliveries::state.eq(DeliveryState::Received.as_str()))
        .filter(deliveries::scheduled_at.le(now))
        .select(deliveries::id);
    let id: Option<i64> = match conn.driver() {
        Driver::Postgres(connection) => due
            .for_update()
            .skip_locked()
            .first(connection)
            .await
            .optional()?,
        Driver::Sqlite(_) => due.first(conn).await.optional()?,
    };
    let Some(id) = id else {
        return Ok(None);
    };
    let taken = deliveries::table.find(DeliveryId::new(id));
    taken
        .select(Taken::as_select())
        .first(conn)
        .await
        .optional()
}
