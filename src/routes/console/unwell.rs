//! What is not well, and since when: each trouble with the page that tells more.

use chrono::{DateTime, TimeDelta, Utc};
use maud::Markup;

use super::pills::{Tone, pill};
use super::query;
use super::visitor::Visitor;
use crate::binding::{self, BindingFilter, Status};
use crate::config::HealingConfig;
use crate::db::Conn;
use crate::healing::{self, Healing, TimerState};
use crate::inbox;
use crate::queue;
use crate::routes::problem::ApiError;
use crate::token::Role;

/// One thing that somebody may have to look at.
pub(super) struct Trouble {
    tone: Tone,
    word: &'static str,
    pub(super) says: String,
    /// With the word before it: since when, or when it was last tried.
    pub(super) since: Option<(&'static str, DateTime<Utc>)>,
    pub(super) more: Option<String>,
    pub(super) link: String,
}

impl Trouble {
    pub(super) fn pill(&self) -> Markup {
        pill(self.tone, self.word)
    }
}

/// Work that is due for longer waits for something.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// Failed bindings that are named, and rows of the timers that are looked through.
const NAMED: i64 = 5;
const TIMERS: i64 = 500;

/// `discarded`: how many syncs were given up within the last day.
pub(super) async fn troubles(
    visitor: &Visitor,
    discarded: i64,
    conn: &mut Conn,
) -> Result<Vec<Trouble>, ApiError> {
    let mut found = failed_bindings(visitor, conn).await?;
    if discarded > 0 {
        found.push(Trouble {
            tone: Tone::Bad,
            word: "discarded",
            says: counted(discarded, "sync was", "syncs were") + " given up within a day",
            since: None,
            more: None,
            link: query::with(&visitor.link("/jobs"), &[("state", "discarded")]),
        });
    }
    if visitor.may_globally(Role::Viewer) {
        found.extend(waiting(visitor, conn).await?);
        found.extend(healing(visitor, conn).await?);
    }
    Ok(found)
}

async fn failed_bindings(visitor: &Visitor, conn: &mut Conn) -> Result<Vec<Trouble>, ApiError> {
    let filter = BindingFilter {
        organization: visitor.caller.organization(),
        status: Some(Status::Failed),
        ..BindingFilter::default()
    };
    let all = binding::count(Status::Failed, filter.organization, conn).await?;
    let named = binding::list(&filter, NAMED, conn).await?;
    let mut found: Vec<_> = named
        .iter()
        .map(|view| Trouble {
            tone: Tone::Bad,
            word: "failed",
            says: view.place(),
            since: Some(("last tried", view.binding.updated_at)),
            more: view.binding.error.clone(),
            link: visitor.link(&view.place()),
        })
        .collect();
    let rest = all - i64::try_from(found.len()).unwrap_or_default();
    if rest > 0 {
        found.push(Trouble {
            tone: Tone::Bad,
            word: "failed",
            says: counted(rest, "more binding", "more bindings"),
            since: None,
            more: None,
            link: query::with(&visitor.link("/bindings"), &[("status", "failed")]),
        });
    }
    Ok(found)
}

/// What waits for longer than a moment.
async fn waiting(visitor: &Visitor, conn: &mut Conn) -> Result<Vec<Trouble>, ApiError> {
    let late = |since: &DateTime<Utc>| visitor.now() - *since > LATE;
    let job = queue::depth(visitor.now(), conn).await?.oldest_due;
    let delivery = inbox::oldest_waiting(conn).await?;
    let trouble = |says: &str, since, to_do: &str, path: &str, state| Trouble {
        tone: Tone::Warn,
        word: "waiting",
        says: says.to_owned(),
        since: Some(("since", since)),
        more: Some(to_do.to_owned()),
        link: query::with(&visitor.link(path), &[("state", state)]),
    };
    let job = job.filter(late).map(|since| {
        let to_do = "Is a worker running? Is an installation out of requests? The jobs say what they wait for.";
        trouble("A job is due", since, to_do, "/jobs", "available")
    });
    let delivery = delivery.filter(late).map(|since| {
        let to_do = "Is a worker running, and does the database take what it writes?";
        trouble(
            "A delivery is not processed",
            since,
            to_do,
            "/deliveries",
            "received",
        )
    });
    Ok(delivery.into_iter().chain(job).collect())
}

/// Looking without being told that is late, or that did not do all of its work.
async fn healing(visitor: &Visitor, conn: &mut Conn) -> Result<Vec<Trouble>, ApiError> {
    let config = &visitor.api.context.config.healing;
    let timers = healing::list(None, TIMERS, conn).await?;
    let found = timers.into_iter().filter_map(|timer| {
        let is_on = interval(timer.name, config).is_some();
        is_on.then(|| of_timer(&timer, visitor)).flatten()
    });
    Ok(found.collect())
}

fn of_timer(timer: &TimerState, visitor: &Visitor) -> Option<Trouble> {
    let name = timer.name.as_str().replace('_', " ");
    let is_overdue = visitor.now() - timer.due_at > LATE;
    let (word, says, since, more) = match (&timer.error, is_overdue) {
        (Some(error), _) => (
            "failed",
            format!("The {name} did not do all of its work"),
            timer.finished_at,
            Some(error.clone()),
        ),
        (None, true) => (
            "overdue",
            format!("The {name} is overdue"),
            Some(timer.due_at),
            Some("Is a worker running?".to_owned()),
        ),
        (None, false) => return None,
    };
    Some(Trouble {
        tone: Tone::Warn,
        word,
        says,
        since: since.map(|since| ("since", since)),
        more,
        link: query::with(&visitor.link("/jobs"), &[("kind", timer.name.as_str())]),
    })
}

fn interval(healing: Healing, config: &HealingConfig) -> Option<std::time::Duration> {
    match healing {
        Healing::DeliverySweep => config.sweep_interval.get(),
        Healing::HeadPoll | Healing::InstallationPoll => config.poll_interval.get(),
    }
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
