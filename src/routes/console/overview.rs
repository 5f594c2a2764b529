//! How it goes: what came and was synced within the last day, how long it took, and what is not well.

use actix_web::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{self, live};
use super::plot::{HOURS, Hour, Plot, hours};
use super::time::{ago, duration};
use super::unwell::{self, Trouble};
use super::visitor::Visitor;
use crate::binding::{self, Status};
use crate::db::Conn;
use crate::ids::OrganizationId;
use crate::inbox::{self, Travel};
use crate::queue::{self, Ended, JobState};
use crate::routes::problem::ApiError;
use crate::sync;

/// Syncs that the time from push to published is taken of, the newest: enough for a 95th percentile.
const TRAVELS: i64 = 1_000;

pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let mut conn = visitor.api.read().await?;
    let day = Day::load(&visitor, &mut conn).await?;
    let troubles = unwell::troubles(&visitor, day.discarded(), &mut conn).await?;
    drop(conn);
    let content = html! {
        (live("well", health(&visitor, &troubles)))
        (live("figures", day.figures(&visitor)))
        (live("plots", day.plots()))
    };
    let page = Page {
        section: Section::Overview,
        title: "Overview",
        live: 10,
        content,
    };
    Ok(page.show(&visitor))
}

/// The last day, as far as whoever asks may know of it.
struct Day {
    /// `None`: deliveries are no organisation's.
    deliveries: Option<Vec<Hour>>,
    syncs: Vec<Hour>,
    /// From push to published, the shortest first.
    travels: Vec<TimeDelta>,
    bindings: [(Status, i64); 3],
}

impl Day {
    async fn load(visitor: &Visitor, conn: &mut Conn) -> Result<Self, ApiError> {
        let (now, organization) = (visitor.now(), visitor.caller.organization());
        let hours = hours(now);
        let deliveries = match organization {
            None => Some(deliveries(&hours, conn).await?),
            Some(_) => None,
        };
        let syncs = syncs(&hours, organization, conn).await?;
        let travels = inbox::travels(hours[0], organization, TRAVELS, conn).await?;
        let mut travels: Vec<_> = travels.iter().map(length).collect();
        travels.sort_unstable();
        let mut bindings = [Status::Succeeded, Status::Pending, Status::Failed].map(|it| (it, 0));
        for (status, count) in &mut bindings {
            *count = binding::count(*status, organization, conn).await?;
        }
        Ok(Self {
            deliveries,
            syncs,
            travels,
            bindings,
        })
    }

    /// Syncs that were given up.
    fn discarded(&self) -> i64 {
        self.syncs.iter().map(|hour| hour.bad).sum()
    }

    fn figures(&self, visitor: &Visitor) -> Markup {
        let latency = |percent| match percentile(&self.travels, percent) {
            Some(span) => duration(span),
            None => "–".to_owned(),
        };
        let says = match self.travels.len() {
            0 => "no push within a day".to_owned(),
            count => format!("of the last {count} within a day"),
        };
        html! {
            section.tiles aria-label="Figures" {
                @for (status, count) in self.bindings {
                    a.tile href=(super::query::with(&visitor.link("/bindings"), &[("status", status.as_str())])) {
                        span.number { (count) } span { "bindings " (status.as_str()) }
                    }
                }
                div.tile { span.number { (latency(50)) } span { "push to published, half" } span.quiet { (says) } }
                div.tile { span.number { (latency(95)) } span { "push to published, 95 of 100" } span.quiet { (says) } }
            }
        }
    }

    fn plots(&self) -> Markup {
        let syncs = Plot {
            id: "syncs",
            title: "Syncs",
            good: "completed",
            bad: Some("given up"),
            hours: &self.syncs,
        };
        html! {
            section.plots aria-label="The last day" {
                @if let Some(hours) = &self.deliveries {
                    (Plot { id: "deliveries", title: "Deliveries", good: "received", bad: None, hours }.draw())
                }
                (syncs.draw())
            }
        }
    }
}

async fn deliveries(
    hours: &[DateTime<Utc>; HOURS],
    conn: &mut Conn,
) -> Result<Vec<Hour>, ApiError> {
    let mut found = Vec::with_capacity(HOURS);
    for &from in hours {
        let good = inbox::count_received(from, from + TimeDelta::hours(1), conn).await?;
        found.push(Hour { from, good, bad: 0 });
    }
    Ok(found)
}

async fn syncs(
    hours: &[DateTime<Utc>; HOURS],
    organization: Option<OrganizationId>,
    conn: &mut Conn,
) -> Result<Vec<Hour>, ApiError> {
    let ended = |state| Ended {
        kind: sync::KIND,
        state,
        organization,
    };
    let mut found = Vec::with_capacity(HOURS);
    for &from in hours {
        let until = from + TimeDelta::hours(1);
        let good = queue::count_ended(ended(JobState::Completed), from, until, conn).await?;
        let bad = queue::count_ended(ended(JobState::Discarded), from, until, conn).await?;
        found.push(Hour { from, good, bad });
    }
    Ok(found)
}

/// GitHub's clock and ours differ: never less than nothing.
fn length(travel: &Travel) -> TimeDelta {
    (travel.arrived_at - travel.sent_at).max(TimeDelta::zero())
}

/// The nearest rank. `sorted` has the least first.
fn percentile(sorted: &[TimeDelta], percent: usize) -> Option<TimeDelta> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn health(visitor: &Visitor, troubles: &[Trouble]) -> Markup {
    let now = visitor.now();
    html! {
        section.health aria-labelledby="health" {
            h2 id="health" { "What is not well" }
            @if troubles.is_empty() {
                p.calm { strong { "All is well." } " Nothing has failed, and nothing waits for longer than it should." }
            } @else {
                ul.troubles {
                    @for trouble in troubles {
                        li {
                            (trouble.pill()) " " a href=(trouble.link) { (trouble.says) }
                            @if let Some((word, at)) = trouble.since { " " span.quiet { (word) " " (ago(at, now)) } }
                            @if let Some(more) = &trouble.more { p.quiet { (more) } }
                        }
                    }
                }
            }
            @if visitor.caller.is_global() {
                p { (parts::link(&visitor.link("/explain"), "A push did not arrive?")) " Ask why." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_what_there_is() {
        let spans = |seconds: &[i64]| {
            seconds
                .iter()
                .map(|it| TimeDelta::seconds(*it))
                .collect::<Vec<_>>()
        };
        let twenty: Vec<i64> = (1..=20).collect();
        for (seconds, percent, expected) in [
            (&[][..], 50, None),
            (&[7], 95, Some(7)),
            (&[1, 2], 50, Some(1)),
            (&twenty, 50, Some(10)),
            (&twenty, 95, Some(19)),
        ] {
            let found = percentile(&spans(seconds), percent);
            assert_eq!(
                found,
                expected.map(TimeDelta::seconds),
                "{seconds:?} {percent}"
            );
        }
    }
}
