//! What is known of what was asked about: the deliveries that tell of it, and the bindings that it could
//! concern.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;

use super::answer::{Step, StepCode};
use super::question::Question;
use super::subject::{Subject, Told};
use super::told::Chain;
use super::{Options, Sight, by_commit};
use crate::binding::{self, BindingView};
use crate::db::Conn;
use crate::github_app::{self, GitHubApp};
use crate::ids::BindingId;
use crate::inbox::{self, Delivery, DeliveryState};
use crate::repository;

/// Bindings that are told of; that there are more is said.
pub(super) const BINDINGS: usize = 100;

/// The newest decisions about a binding, among which the newest push is looked for.
const DECISIONS: i64 = 20;

pub(super) struct Case {
    /// Those whose deliveries could tell of it, as far as whoever asks may know of what is no tenant's.
    pub(super) apps: Vec<GitHubApp>,
    /// The oldest first.
    pub(super) chains: Vec<Chain>,
    pub(super) subjects: Vec<Subject>,
    /// What is left out.
    pub(super) more: Vec<Step>,
}

/// What a case is made of, before the bindings are looked at.
pub(super) struct Gathered {
    /// All that were ever configured.
    pub(super) apps: Vec<GitHubApp>,
    /// The oldest first.
    pub(super) deliveries: Vec<Delivery>,
    pub(super) views: Vec<BindingView>,
    /// The commit that was asked for; `None`: that of each delivery.
    pub(super) commit: Option<String>,
    pub(super) more: Vec<Step>,
}

impl Case {
    pub(super) async fn load(
        question: &Question,
        options: &Options,
        now: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<Self> {
        let apps = github_app::all(conn).await?;
        let gathered = match question {
            Question::Delivery(guid) => of_guid(guid, apps, conn).await?,
            Question::Commit { repository, commit } => {
                by_commit::of_commit(repository, &commit.to_string(), apps, options, now, conn)
                    .await?
            }
            Question::Binding(id) => of_binding(*id, apps, options, conn).await?,
        };
        gathered.into_case(options, conn).await
    }

    /// Whether a push was looked into that the binding should have been considered for.
    pub(super) fn was_processed(&self, subject: &Subject) -> bool {
        let host = &subject.view.binding.github_host;
        self.chains.iter().any(|chain| {
            let done = [DeliveryState::Processed, DeliveryState::Ignored];
            chain.delivery.event == "push"
                && done.contains(&chain.delivery.state)
                && chain.app.as_ref().is_some_and(|app| app.host == *host)
        })
    }
}

async fn of_guid(guid: &str, apps: Vec<GitHubApp>, conn: &mut Conn) -> QueryResult<Gathered> {
    let rows: Vec<_> = apps.iter().map(|app| app.id).collect();
    Ok(Gathered {
        deliveries: inbox::of_guid(guid, &rows, conn).await?,
        apps,
        views: Vec::new(),
        commit: None,
        more: Vec::new(),
    })
}

/// The newest push that considered it.
async fn of_binding(
    id: BindingId,
    apps: Vec<GitHubApp>,
    options: &Options,
    conn: &mut Conn,
) -> QueryResult<Gathered> {
    let views: Vec<BindingView> = binding::view(id, conn).await?.into_iter().collect();
    let mut deliveries = Vec::new();
    for decision in inbox::decisions_about(id, DECISIONS, conn).await? {
        let delivery = inbox::find(decision.delivery_id, conn).await?;
        let delivery = delivery.filter(|delivery| {
            let app = app_of(delivery, &apps);
            delivery.event == "push" && is_visible(delivery, app, &views, options)
        });
        if delivery.is_some() {
            deliveries.extend(delivery);
            break;
        }
    }
    Ok(Gathered {
        apps,
        deliveries,
        views,
        commit: None,
        more: Vec::new(),
    })
}

/// To one organisation only what is told of a repository that it may read.
pub(super) fn is_visible(
    delivery: &Delivery,
    app: Option<&GitHubApp>,
    views: &[BindingView],
    options: &Options,
) -> bool {
    if options.sight == Sight::All {
        return true;
    }
    let mut shown = views
        .iter()
        .filter_map(|view| view.shown_repository(options.grants));
    shown.any(|row| {
        Some(row.github_id) == delivery.repository_github_id
            && app.is_some_and(|app| app.host == row.github_host)
    })
}

pub(super) fn app_of<'a>(delivery: &Delivery, apps: &'a [GitHubApp]) -> Option<&'a GitHubApp> {
    apps.iter().find(|app| app.id == delivery.github_app_id)
}

pub(super) fn too_many(what: &str, shown: usize) -> Step {
    let says = format!("There are more {what} than the {shown} that are told of.");
    Step::new(
        StepCode::More,
        says,
        json!({ "what": what, "told_of": shown }),
    )
}

impl Gathered {
    async fn into_case(mut self, options: &Options, conn: &mut Conn) -> QueryResult<Case> {
        let mut chains = Vec::with_capacity(self.deliveries.len());
        for delivery in std::mem::take(&mut self.deliveries) {
            chains.push(self.chain(delivery, conn).await?);
        }
        let mut told = told_by(&chains);
        if options.sight != Sight::All {
            let own: BTreeSet<BindingId> = self.views.iter().map(|view| view.binding.id).collect();
            told.retain(|id, _| own.contains(id));
        }
        self.add_views_of(&told, conn).await?;
        let mut subjects = Vec::with_capacity(self.views.len());
        for view in self.views {
            let told = told.remove(&view.binding.id);
            let pushed = told
                .as_ref()
                .and_then(|told| told.delivery.head_sha.clone());
            let commit = self.commit.clone().or(pushed);
            subjects.push(Subject::load(view, told, commit, options, conn).await?);
        }
        Ok(Case {
            apps: apps_of(self.apps, &subjects, options),
            chains,
            subjects,
            more: self.more,
        })
    }

    async fn chain(&self, delivery: Delivery, conn: &mut Conn) -> QueryResult<Chain> {
        let app = app_of(&delivery, &self.apps).cloned();
        let repository = match (&app, delivery.repository_github_id) {
            (Some(app), Some(id)) => repository::find_by_github_id(&app.host, id, conn).await?,
            _ => None,
        };
        Ok(Chain {
            decisions: inbox::decisions_of(delivery.id, conn).await?,
            delivery,
            app,
            repository,
        })
    }

    /// Of those that the deliveries considered: first what they concern.
    async fn add_views_of(
        &mut self,
        told: &BTreeMap<BindingId, Told>,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        let here: BTreeSet<BindingId> = self.views.iter().map(|view| view.binding.id).collect();
        let mut missing: Vec<&Told> = told.values().collect();
        missing.retain(|told| !here.contains(&told.decision.binding_id));
        missing.sort_by_key(|told| told.decision.verdict);
        let room = BINDINGS.saturating_sub(here.len());
        if missing.len() > room {
            missing.truncate(room);
            self.more.push(too_many("bindings considered", BINDINGS));
        }
        for told in missing {
            self.views
                .extend(binding::view(told.decision.binding_id, conn).await?);
        }
        Ok(())
    }
}

fn apps_of(apps: Vec<GitHubApp>, subjects: &[Subject], options: &Options) -> Vec<GitHubApp> {
    if options.sight != Sight::All {
        return Vec::new();
    }
    let hosts = subjects
        .iter()
        .map(|subject| subject.view.binding.github_host.as_str());
    let hosts: BTreeSet<&str> = hosts.collect();
    let is_asked = |app: &GitHubApp| hosts.is_empty() || hosts.contains(app.host.as_str());
    apps.into_iter().filter(is_asked).collect()
}

/// Of each binding the strongest decision, and of equals the newest.
fn told_by(chains: &[Chain]) -> BTreeMap<BindingId, Told> {
    let mut all = BTreeMap::<BindingId, Told>::new();
    for chain in chains {
        for decision in &chain.decisions {
            let told = Told {
                decision: decision.clone(),
                delivery: chain.delivery.clone(),
            };
            let rank = |told: &Told| (told.decision.verdict, Reverse(told.delivery.id));
            let kept = all
                .entry(decision.binding_id)
                .or_insert_with(|| told.clone());
            if rank(&told) < rank(kept) {
                *kept = told;
            }
        }
    }
    all
}
