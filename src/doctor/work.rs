//! Whether somebody works: by what is in the database, since a worker may be anywhere.

use chrono::{DateTime, TimeDelta, Utc};

use super::app::Patient;
use super::code::Code;
use super::installations::named;
use super::report::{Findings, Found};
use crate::binding::{self, Access, BindingFilter, BindingView};
use crate::clock::Clock;
use crate::config::{Config, Interval};
use crate::db::Db;
use crate::healing::{self, Healing, Timed, TimerState};
use crate::{github_app, inbox, queue};

/// After this, what is due and nobody takes is not merely about to be taken.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// A job may wait for others of its installation.
const PATIENCE_WITH_JOBS: TimeDelta = TimeDelta::minutes(10);

/// Bindings that are read at a time.
const PAGE: i64 = 500;

pub(super) async fn look(config: &Config, db: &Db, clock: &Clock, findings: &mut Findings) {
    let now = clock.now();
    let looks = settled(bindings(config, db));
    findings.check(Code::BindingsCovered, None, looks).await;
    let looks = settled(workers(config, db, now));
    findings.check(Code::Workers, None, looks).await;
    let looks = settled(jobs(db, now));
    findings.check(Code::JobsDue, None, looks).await;
    let looks = settled(deliveries(db, now));
    findings.check(Code::DeliveriesDue, None, looks).await;
}

pub(super) async fn look_at_sweep(patient: &Patient<'_>, db: &Db, findings: &mut Findings) {
    let of = Some(patient.label);
    let looks = settled(sweep(patient, db));
    findings.check(Code::Sweep, of, looks).await;
}

/// What cannot be looked at is no reason to look at nothing else.
async fn settled(looks: impl Future<Output = anyhow::Result<Found>>) -> Found {
    match looks.await {
        Ok(found) => found,
        Err(error) => Found::wrong(format!("it cannot be read: {error:#}")),
    }
}

fn time(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M:%S UTC")
}

async fn bindings(config: &Config, db: &Db) -> anyhow::Result<Found> {
    let mut conn = db.read().await?;
    let (mut count, mut lost) = (0, Vec::new());
    let mut filter = BindingFilter::default();
    loop {
        let page = binding::list(&filter, PAGE, &mut conn).await?;
        count += page.len();
        filter.after = page.last().map(|view| view.binding.id);
        let is_full = page.len() as i64 == PAGE;
        lost.extend(page.iter().filter_map(|view| out_of_reach(view, config)));
        if !is_full {
            break;
        }
    }
    Ok(match (count, lost.len()) {
        (0, _) => Found::fine("nothing is bound yet"),
        (count, 0) => Found::fine(format!("all of {count}")),
        (count, some) => Found::wrong(format!("{some} of {count} are not: {}", named(lost))),
    })
}

/// What a sync has not found out yet may be covered; a missing ref is the repository's own matter.
fn out_of_reach(view: &BindingView, config: &Config) -> Option<String> {
    match view.access(config.access.grants) {
        Access::Unknown | Access::Reachable | Access::RefMissing => None,
        access @ (Access::Suspended | Access::AccessLost | Access::NotGranted | Access::Gone) => {
            Some(format!("{} ({access})", view.place()))
        }
    }
}

async fn workers(config: &Config, db: &Db, now: DateTime<Utc>) -> anyhow::Result<Found> {
    let mut conn = db.read().await?;
    let lost = queue::count_lost(now - PATIENCE, &mut conn).await?;
    if lost > 0 {
        return Ok(Found::wrong(format!(
            "{lost} jobs are in the hands of workers that give no sign of life, and nobody takes them back"
        )));
    }
    let intervals = [
        (Healing::DeliverySweep, config.healing.sweep_interval),
        (Healing::InstallationPoll, config.healing.poll_interval),
    ];
    let mut next = None;
    for (healing, _) in intervals.into_iter().filter(|(_, it)| it.get().is_some()) {
        for app in &config.github {
            let row = github_app::find(&app.host, app.app_id, &mut conn).await?;
            let timed = row.map(|row| Timed {
                healing,
                target: row.get(),
            });
            let timer = match timed {
                Some(timed) => healing::find(timed, &mut conn).await?,
                None => None,
            };
            let Some(timer) = timer else {
                let (host, id) = (&app.host, app.app_id);
                return Ok(Found::wrong(format!(
                    "none has ever worked for the App {id} of {host}"
                )));
            };
            next = next.into_iter().chain([timer.due_at]).min();
        }
    }
    Ok(match next {
        None => Found::not_made("with healing switched off, nothing would tell"),
        Some(due) if due < now - PATIENCE => {
            Found::wrong(format!("since {} nobody asks for what is due", time(due)))
        }
        Some(due) => Found::fine(format!(
            "what is due is asked for; the next at {}",
            time(due)
        )),
    })
}

async fn jobs(db: &Db, now: DateTime<Utc>) -> anyhow::Result<Found> {
    let mut conn = db.read().await?;
    let depth = queue::depth(now, &mut conn).await?;
    Ok(match depth.oldest_due {
        Some(due) if due < now - PATIENCE_WITH_JOBS => {
            Found::wrong(format!("the oldest has been due since {}", time(due)))
        }
        Some(due) => Found::fine(format!("the oldest is due since {}", time(due))),
        None => Found::fine("none is due"),
    })
}

async fn deliveries(db: &Db, now: DateTime<Utc>) -> anyhow::Result<Found> {
    let mut conn = db.read().await?;
    Ok(match inbox::oldest_waiting(&mut conn).await? {
        Some(since) if since < now - PATIENCE => {
            Found::wrong(format!("the oldest has waited since {}", time(since)))
        }
        Some(since) => Found::fine(format!("the oldest has waited since {}", time(since))),
        None => Found::fine("none waits"),
    })
}

async fn sweep(patient: &Patient<'_>, db: &Db) -> anyhow::Result<Found> {
    let mut conn = db.read().await?;
    let (settings, now) = (patient.settings, patient.clock.now());
    let row = github_app::find(&settings.host, settings.app_id, &mut conn).await?;
    let timer = match row {
        Some(row) => {
            let timed = Timed {
                healing: Healing::DeliverySweep,
                target: row.get(),
            };
            healing::find(timed, &mut conn).await?
        }
        None => None,
    };
    Ok(judge_sweep(timer.as_ref(), patient.sweep_interval, now))
}

fn judge_sweep(timer: Option<&TimerState>, interval: Interval, now: DateTime<Utc>) -> Found {
    let Some(every) = interval.get() else {
        return Found::not_made("it is switched off (`BINDERY_SWEEP_INTERVAL`)");
    };
    let Some(timer) = timer else {
        return Found::wrong("there was none yet");
    };
    let asked_at = timer.due_at - every;
    let late = now - every * 2 - PATIENCE;
    match (timer.finished_at, &timer.error) {
        (Some(at), Some(error)) => {
            Found::wrong(format!("the last, at {}, went wrong: {error}", time(at)))
        }
        (Some(at), None) if at < late => Found::wrong(format!("the last was at {}", time(at))),
        (Some(at), None) => Found::fine(format!("the last was at {}", time(at))),
        (None, _) if asked_at < late => Found::wrong("the first has not ended"),
        (None, _) => Found::fine("the first is on its way"),
    }
}
