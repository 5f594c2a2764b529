//! Many deliveries share a commit: whatever arrives while the last one runs goes into the next. A lone one is
//! committed at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::batch::{self, Entry};
use super::body::{PART, Part};
use super::record::{NewDelivery, NewRow, Recorded, record};
use crate::clock::Clock;
use crate::db::{Channel, Db, DbError, is_passing};
use crate::ids::AppRowId;

/// Rows in one commit.
const ROWS: usize = 256;

/// Bytes of bodies in one commit, or one body more.
const BYTES: usize = 4 << 20;

/// Deliveries that wait for a commit; the next one is refused. At the slowest that GitHub waits for, ten
/// seconds, a disk would have to need half a second for each commit.
const WAITING: usize = 4096;

/// A commit that takes longer lets the next one begin beside it: the one connection may be dead, and
/// nobody has told us yet.
const SLOW: Duration = Duration::from_millis(250);

/// Commits at a time.
const AT_ONCE: usize = 4;

/// After that nobody waits for a commit any more.
const COMMIT_WITHIN: Duration = Duration::from_secs(8);

/// For so long a commit is tried again whose connection broke.
const AGAIN_WITHIN: Duration = Duration::from_secs(2);

/// Where deliveries are handed in. An answer of `Ok` means: committed, on disk.
#[derive(Debug, Clone)]
pub struct Inbox {
    waiting: mpsc::Sender<Waiting>,
    db: Db,
    clock: Clock,
}

/// Why a delivery was not recorded, as far as we know: it is not acknowledged, and comes again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotRecorded {
    #[error("{WAITING} deliveries wait to be stored already")]
    Full,
    #[error("{0}")]
    Database(String),
    #[error("the database took too long")]
    TooSlow,
    #[error("the process stops, or has failed at storing it")]
    Stopped,
}

impl From<DbError> for NotRecorded {
    fn from(error: DbError) -> Self {
        Self::Database(error.to_string())
    }
}

type Answer = oneshot::Sender<Result<Recorded, NotRecorded>>;

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    answer: Answer,
}

impl Inbox {
    pub fn new(db: Db, clock: Clock) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING);
        // On the process's runtime: the threads of the server end before their last requests do.
        db.runtime().spawn(run(queue, db.clone()));
        Self { waiting, db, clock }
    }

    /// A delivery that was committed although its caller stopped waiting is a duplicate when it comes again.
    pub async fn record(&self, new: NewDelivery) -> Result<Recorded, NotRecorded> {
        let now = self.clock.now();
        if new.body.len() > PART {
            return Ok(record(new, now, &self.db).await?);
        }
        let (row, body) = NewRow::of(new, now);
        let entry = Entry::new(row, Part::pack(Cow::Owned(body)).await);
        let (answer, answered) = oneshot::channel();
        match self.waiting.try_send(Waiting { entry, answer }) {
            Ok(()) => answered.await.unwrap_or(Err(NotRecorded::Stopped)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(NotRecorded::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NotRecorded::Stopped),
        }
    }
}

/// Until nobody can hand anything in.
async fn run(mut queue: mpsc::Receiver<Waiting>, db: Db) {
    let mut commits = FuturesUnordered::new();
    let mut begun = Instant::now();
    loop {
        let has_room = commits.len() < AT_ONCE;
        let may_begin = commits.is_empty() || (has_room && begun.elapsed() >= SLOW);
        tokio::select! {
            Some(()) = commits.next(), if !commits.is_empty() => {}
            batch = next(&mut queue), if may_begin => match batch {
                Some(batch) => {
                    begun = Instant::now();
                    commits.push(caught(commit(batch, db.clone())));
                }
                None => break,
            },
            () = sleep_until(begun + SLOW), if has_room && !may_begin => {}
        }
    }
    while commits.next().await.is_some() {}
}

async fn caught(commit: impl Future<Output = ()>) {
    if AssertUnwindSafe(commit).catch_unwind().await.is_err() {
        tracing::error!("storing deliveries panicked: they were not acknowledged");
    }
}

/// What waits, once something does.
async fn next(queue: &mut mpsc::Receiver<Waiting>) -> Option<Batch> {
    let mut batch = Batch::default();
    batch.add(queue.recv().await?);
    while batch.rows < ROWS
        && batch.bytes < BYTES
        && let Ok(waiting) = queue.try_recv()
    {
        batch.add(waiting);
    }
    Some(batch)
}

/// By App and GUID, in which order all writers lock them.
#[derive(Debug, Default)]
struct Batch {
    of_delivery: BTreeMap<(AppRowId, String), (Entry, Answers)>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, Waiting { entry, answer }: Waiting) {
        self.rows += 1;
        self.bytes += entry.bytes.len();
        let key = (entry.row.github_app_id, entry.row.guid.clone());
        let (_, answers) = self
            .of_delivery
            .entry(key)
            .or_insert((entry, Answers::default()));
        answers.0.push(answer);
    }
}

/// Everybody who handed the same delivery in: the first, and those for whom it is a duplicate.
#[derive(Debug, Default)]
struct Answers(Vec<Answer>);

impl Answers {
    fn are_awaited(&self) -> bool {
        self.0.iter().any(|answer| !answer.is_closed())
    }

    /// Whether it was new.
    fn give(self, written: &Result<bool, NotRecorded>) {
        let mut is_new = matches!(written, Ok(true));
        for answer in self.0 {
            let recorded = match written {
                Ok(_) if is_new => Ok(Recorded::Received),
                Ok(_) => Ok(Recorded::Duplicate),
                Err(error) => Err(error.clone()),
            };
            is_new = false;
            // Nobody may wait any more.
            let _ = answer.send(recorded);
        }
    }
}

async fn commit(batch: Batch, db: Db) {
    let (entries, answers): (Vec<Entry>, Vec<Answers>) = batch
        .of_delivery
        .into_values()
        .filter(|(_, answers)| answers.are_awaited())
        .unzip();
    if entries.is_empty() {
        return;
    }
    match write(&entries, &db).await {
        Ok(new) => {
            for (answers, new) in answers.into_iter().zip(new) {
                answers.give(&Ok(new));
            }
        }
        Err(Refused::All(error)) => {
            let refused = Err(error);
            for answers in answers {
                answers.give(&refused);
            }
        }
        Err(Refused::OneOf(error)) => {
            let deliveries = entries.len();
            tracing::warn!(error, deliveries, "one of these cannot be stored");
            for (entry, answers) in entries.iter().zip(answers) {
                let alone = write(std::slice::from_ref(entry), &db).await;
                let new = alone.map(|new| new.first().is_some_and(|new| *new));
                answers.give(&new.map_err(Refused::into_reason));
            }
        }
    }
}

enum Refused {
    /// The database's trouble of the moment.
    All(NotRecorded),
    /// A row that it does not take; the others have done nothing wrong.
    OneOf(String),
}

impl Refused {
    fn into_reason(self) -> NotRecorded {
        match self {
            Self::All(reason) => reason,
            Self::OneOf(error) => NotRecorded::Database(error),
        }
    }
}

/// Again, when the connection broke: whether it was before or after the commit, what is there stays as it is.
async fn write(entries: &[Entry], db: &Db) -> Result<Vec<bool>, Refused> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        let error = match timeout(COMMIT_WITHIN, write_once(entries, db)).await {
            Ok(Ok(new)) => return Ok(new),
            Ok(Err(error)) => error,
            Err(_) => return Err(Refused::All(NotRecorded::TooSlow)),
        };
        match &error {
            DbError::Query(query) if !is_passing(query) => {
                return Err(Refused::OneOf(error.to_string()));
            }
            _ if is_broken(&error) && begun.elapsed() + pause <= AGAIN_WITHIN => {}
            _ => return Err(Refused::All(error.into())),
        }
        sleep(pause).await;
        pause *= 2;
    }
}

async fn write_once(entries: &[Entry], db: &Db) -> Result<Vec<bool>, DbError> {
    let mut conn = db.write().await?;
    let written = batch::insert(entries, &mut conn).await;
    // After a failure too: what its outcome was may be unknown.
    db.wakes().ring(Channel::Inbox);
    Ok(written?)
}

/// In the middle of it, or before; or there was none to be had.
fn is_broken(error: &DbError) -> bool {
    match error {
        DbError::Connection(_) => true,
        DbError::Query(error) => matches!(
            error,
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _
            ) | Error::BrokenTransactionManager
        ),
    }
}
