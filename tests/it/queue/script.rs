//! Jobs whose outcome the story decides, one turn after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bindery::db::Conn;
use bindery::db::schema::organizations;
use bindery::queue::{Effect, Finish, Job, JobKind, Outcome, Settled};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::oneshot;

use super::bench::PATIENCE;
use crate::support::begin;

/// What one attempt does.
pub type Turn = Box<dyn FnOnce(Job) -> BoxFuture<'static, anyhow::Result<Finish>> + Send>;

/// The kind of the jobs in these stories: it takes the script's next turn, and completes without one.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Scripted>>);

#[derive(Default)]
struct Scripted {
    turns: VecDeque<Turn>,
    /// Target and attempt of every run, in order.
    runs: Vec<(i64, i32)>,
}

impl Script {
    pub fn add(&self, turns: impl IntoIterator<Item = Turn>) {
        self.0.lock().unwrap().turns.extend(turns);
    }

    fn next(&self, job: &Job) -> Option<Turn> {
        let mut script = self.0.lock().unwrap();
        script.runs.push((job.target, job.attempt));
        script.turns.pop_front()
    }

    pub fn runs(&self) -> Vec<(i64, i32)> {
        self.0.lock().unwrap().runs.clone()
    }

    pub fn targets(&self) -> Vec<i64> {
        self.runs().into_iter().map(|(target, _)| target).collect()
    }
}

pub const KIND: &str = "scripted";

#[async_trait]
impl JobKind for Script {
    fn name(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        match self.next(job) {
            Some(turn) => turn(job.clone()).await,
            None => Ok(Outcome::Completed(json!({})).into()),
        }
    }

    /// Leaves a trace that is written in the same transaction, or not at all.
    async fn discarded(
        &self,
        job: &Job,
        error: &str,
        _: &Settled,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        publish(&format!("discarded {}: {error}", job.target), conn).await
    }
}

/// Something to publish: a row that a reader would see.
pub struct Publish(pub &'static str);

#[async_trait]
impl Effect for Publish {
    async fn apply(self: Box<Self>, _: &Settled, conn: &mut Conn) -> QueryResult<()> {
        publish(self.0, conn).await
    }
}

pub async fn publish(what: &str, conn: &mut Conn) -> QueryResult<()> {
    let row = (
        organizations::slug.eq(what),
        organizations::created_at.eq(begin()),
        organizations::updated_at.eq(begin()),
    );
    diesel::insert_into(organizations::table)
        .values(row)
        .execute(conn)
        .await?;
    Ok(())
}

pub fn ends(finish: impl Into<Finish>) -> Turn {
    let finish = finish.into();
    Box::new(move |_| async move { Ok(finish) }.boxed())
}

pub fn fails(error: &'static str) -> Turn {
    Box::new(move |_| async move { Err(anyhow::anyhow!(error)) }.boxed())
}

pub fn panics(words: &'static str) -> Turn {
    Box::new(move |_| async move { panic!("{words}") }.boxed())
}

pub fn completes() -> Turn {
    ends(Outcome::Completed(json!({})))
}

pub fn publishes(what: &'static str) -> Finish {
    Finish::with(Outcome::Completed(json!({})), Publish(what))
}

/// An attempt that begins, and ends as `turn` when its gate is opened.
pub fn held(turn: Turn) -> (Turn, Gate) {
    let (begun, has_begun) = oneshot::channel();
    let (open, opened) = oneshot::channel();
    let turn: Turn = Box::new(move |job| {
        async move {
            let _ = begun.send(());
            let _ = opened.await;
            turn(job).await
        }
        .boxed()
    });
    (turn, Gate { has_begun, open })
}

pub struct Gate {
    has_begun: oneshot::Receiver<()>,
    open: oneshot::Sender<()>,
}

impl Gate {
    pub async fn begun(&mut self) {
        tokio::time::timeout(PATIENCE, &mut self.has_begun)
            .await
            .expect("the attempt begins")
            .expect("the attempt is not dropped");
    }

    pub fn open(self) {
        self.open.send(()).expect("the attempt waits");
    }
}
