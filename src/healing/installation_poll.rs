//! The job kind `installation_poll`: everywhere that the App is installed, against what we know of it.
//!
//! What the list says of an installation is not written here: each that matters to us is asked for by a
//! refresh, which lists its repositories, too, and heals their names, their owners and our access to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::Healing;
use super::failures::Failures;
use super::round::{self, Report};
use crate::apps::App;
use crate::binding::Binding;
use crate::context::Context;
use crate::db::{Conn, Json};
use crate::github::GitHubError;
use crate::github::client;
use crate::github::ids::{InstallationId, OwnerId};
use crate::ids::AppRowId;
use crate::installation::{self, Installation};
use crate::queue::{self, Finish, Job, JobKind, Request, Settled};
use crate::refresh::{self, InstallationHint, RepositoryHint, Trouble};
use crate::repository::{self, Reachability, Repository, key_of};
use crate::{binding, grant, sync};

/// The job kind `installation_poll`; the target is the App's row.
#[derive(Debug, Clone)]
pub struct InstallationPoll {
    context: Context,
}

#[async_trait]
impl JobKind for InstallationPoll {
    fn name(&self) -> &'static str {
        Healing::InstallationPoll.as_str()
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        let Some(app) = self.context.apps.of_row(AppRowId::new(job.target)) else {
            return Ok(refresh::left_to_another(&self.context).into());
        };
        let poll = Poll {
            context: &self.context,
            app,
            request: refresh::follow_up(job, &self.context),
        };
        round::run(Healing::InstallationPoll, job, &self.context, poll.run()).await
    }

    async fn discarded(
        &self,
        job: &Job,
        error: &str,
        _proof: &Settled,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        round::given_up(Healing::InstallationPoll, job, error, &self.context, conn).await
    }
}

impl InstallationPoll {
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

/// One poll of one App.
struct Poll<'a> {
    context: &'a Context,
    app: &'a Arc<App>,
    request: Request,
}

/// What a poll has come to.
#[derive(Debug, Default)]
struct Polled {
    listed: BTreeSet<InstallationId>,
    unreadable: usize,
    /// Those that are asked for.
    refreshed: usize,
    /// Those of which the list says what we did not know.
    news: u64,
    /// Known, and not listed any more.
    unlisted: usize,
    /// Repositories that are bound and out of reach, and looked for again.
    sought: usize,
    /// Bindings that have never synced and could by now.
    woken: u64,
    /// Repositories and names that GitHub could not be asked about.
    failures: Failures,
}

impl Poll<'_> {
    async fn run(&self) -> Result<Report, Trouble> {
        let mut polled = Polled::default();
        for number in 1.. {
            let page = self.app.github.installations(number).await?;
            polled
                .listed
                .extend(page.installations.iter().map(|seen| seen.id));
            polled.unreadable += page.unreadable;
            self.look_at(&page.installations, &mut polled).await?;
            if !page.more {
                break;
            }
        }
        // A page that could not be read in full does not say what is missing.
        if polled.unreadable == 0 {
            polled.unlisted = self.look_for_unlisted(&polled.listed).await?;
        }
        self.look_for_repositories(&mut polled).await?;
        self.look_for_names(&mut polled).await?;
        Ok(polled.report())
    }

    async fn look_at(
        &self,
        page: &[client::Installation],
        polled: &mut Polled,
    ) -> Result<(), Trouble> {
        let known = self.known(page).await?;
        let matter = self.that_matter(page).await?;
        for seen in page {
            let news = known.get(&seen.id).is_some_and(|row| is_news(row, seen));
            let unknown = !known.contains_key(&seen.id);
            let matters = matter.contains(&seen.id);
            if matters || news {
                self.refresh(seen.id).await?;
                polled.refreshed += 1;
                polled.news += u64::from(news || unknown);
            }
        }
        Ok(())
    }

    async fn known(
        &self,
        page: &[client::Installation],
    ) -> Result<BTreeMap<InstallationId, Installation>, Trouble> {
        let ids: Vec<InstallationId> = page.iter().map(|seen| seen.id).collect();
        let mut conn = self.context.db.read().await?;
        let rows = installation::find_all(self.app.row, &ids, &mut conn).await?;
        Ok(rows.into_iter().map(|row| (row.github_id, row)).collect())
    }

    /// Something of its account is bound, or asked for by name, or it is granted to an organisation. An
    /// App may be installed in a thousand places that nobody here has asked for.
    async fn that_matter(
        &self,
        page: &[client::Installation],
    ) -> Result<BTreeSet<InstallationId>, Trouble> {
        let host = &self.app.host;
        let owners: Vec<OwnerId> = page.iter().map(|seen| seen.account.id).collect();
        let ids: Vec<InstallationId> = page.iter().map(|seen| seen.id).collect();
        let mut conn = self.context.db.read().await?;
        let bound: BTreeSet<_> = binding::bound_owners(host, &owners, &mut conn)
            .await?
            .into_iter()
            .collect();
        let asked_for: BTreeSet<_> = binding::unsynced_owners(host, &mut conn)
            .await?
            .into_iter()
            .collect();
        let granted: BTreeSet<_> = grant::granted_among(host, &ids, &mut conn)
            .await?
            .into_iter()
            .collect();
        let matters = |seen: &&client::Installation| {
            bound.contains(&seen.account.id)
                || asked_for.contains(&key_of(&seen.account.login))
                || granted.contains(&seen.id)
        };
        Ok(page.iter().filter(matters).map(|seen| seen.id).collect())
    }

    async fn refresh(&self, id: InstallationId) -> Result<(), Trouble> {
        let (app, request) = (self.app.row, &self.request);
        let mut conn = self.context.db.write().await?;
        conn.transaction(async |conn| {
            let row = installation::ensure(app, id, request.at, conn).await?;
            refresh::request_installation(row.id, LOOK, request, conn).await
        })
        .await?;
        Ok(())
    }

    /// Uninstalled, as far as the list tells: the refresh asks for each by its id.
    async fn look_for_unlisted(&self, listed: &BTreeSet<InstallationId>) -> Result<usize, Trouble> {
        let rows = {
            let mut conn = self.context.db.read().await?;
            installation::of_app(self.app.row, &mut conn).await?
        };
        let unlisted = rows.iter().filter(|row| !listed.contains(&row.github_id));
        let mut asked = 0;
        for row in unlisted {
            self.refresh(row.github_id).await?;
            asked += 1;
        }
        Ok(asked)
    }

    /// Another installation may cover them by now, or one of them again.
    async fn look_for_repositories(&self, polled: &mut Polled) -> Result<(), Trouble> {
        let rows = {
            let mut conn = self.context.db.read().await?;
            repository::bound_and_out_of_reach(&self.app.host, &mut conn).await?
        };
        for row in some_of(&rows, rand::random()) {
            match self.is_covered(row).await {
                Ok(covered) => {
                    polled.failures.answered();
                    if covered || is_unexplained(row) {
                        polled.sought += self.look_for(row).await?;
                    }
                }
                Err(error) => polled.failures.note(row.full_name(), error)?,
            }
        }
        Ok(())
    }

    async fn is_covered(&self, row: &Repository) -> Result<bool, GitHubError> {
        let (id, name, clock) = (row.github_id, row.full_name(), &self.context.clock);
        let found = refresh::ask_for_installation(self.app, Some(id), &name, clock).await?;
        Ok(found.is_some())
    }

    async fn look_for(&self, row: &Repository) -> Result<usize, Trouble> {
        let request = &self.request;
        let mut conn = self.context.db.write().await?;
        Ok(conn
            .transaction(async |conn| look_for(row, request, conn).await)
            .await?)
    }
}

impl Poll<'_> {
    /// What goes by a name that nobody could reach: a list of present names does not have one that
    /// redirects.
    async fn look_for_names(&self, polled: &mut Polled) -> Result<(), Trouble> {
        let unsynced = {
            let mut conn = self.context.db.read().await?;
            binding::unsynced_out_of_reach(&self.app.host, &mut conn).await?
        };
        for binding in some_of(&unsynced, rand::random()) {
            match self.look_for_name(binding).await {
                Ok(woken) => {
                    polled.failures.answered();
                    polled.woken += u64::from(woken);
                }
                Err(Trouble::GitHub(error)) => {
                    polled.failures.note(binding.sought_name(), error)?;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn look_for_name(&self, binding: &Binding) -> Result<bool, Trouble> {
        let (organization, grants) = (binding.organization_id, self.context.config.access.grants);
        // Without a grant no answer would be for its organisation.
        let held = {
            let mut conn = self.context.db.read().await?;
            grant::of_organization(organization, &mut conn).await?
        };
        let holds = |id: Option<InstallationId>| {
            let of_host = |grant: &&grant::Grant| grant.github_host == self.app.host;
            let covers = |grant: &grant::Grant| id.is_none_or(|id| grant.installation_id == id);
            grants.allow(held.iter().filter(of_host).any(covers))
        };
        if !holds(None) {
            return Ok(false);
        }
        let (name, clock) = (binding.sought_name(), &self.context.clock);
        let found = refresh::ask_for_installation(self.app, None, &name, clock).await?;
        let Some(found) = found.filter(|found| holds(Some(found.seen.id))) else {
            return Ok(false);
        };
        let mut conn = self.context.db.write().await?;
        conn.transaction(async |conn| {
            if !self.works(&found.seen, conn).await? {
                return QueryResult::Ok(false);
            }
            let enqueued = sync::catch_up(binding, &self.request, conn).await?;
            Ok(!enqueued.coalesced)
        })
        .await
        .map_err(Trouble::from)
    }

    /// By what GitHub has just shown, whatever is on record: that is for the refresh to change, which
    /// sees then what is to catch up.
    async fn works(&self, seen: &client::Installation, conn: &mut Conn) -> QueryResult<bool> {
        let row = installation::ensure(self.app.row, seen.id, self.request.at, conn).await?;
        let as_seen = Installation {
            suspended_at: seen.suspended_at,
            deleted_at: None,
            permissions: Some(Json(seen.permissions.clone())),
            ..row
        };
        Ok(as_seen.works())
    }
}

/// What one poll looks for one by one, of each sort: each is a request or three.
const ONE_BY_ONE: usize = 200;

/// All of them while they are few; of many, others every time.
fn some_of<T>(all: &[T], turn: u32) -> impl Iterator<Item = &T> {
    let turns = all.len().div_ceil(ONE_BY_ONE).max(1);
    let turn = turn as usize % turns;
    all.iter().skip(turn * ONE_BY_ONE).take(ONE_BY_ONE)
}

const LOOK: InstallationHint = InstallationHint {
    look: true,
    narrowed: false,
    restored: false,
};

/// Unless that is on its way: one that is missing is asked for at times of its own.
async fn look_for(row: &Repository, request: &Request, conn: &mut Conn) -> QueryResult<usize> {
    let jobs = queue::running_or_waiting(refresh::REPOSITORY, row.id.get(), conn).await?;
    if !jobs.is_empty() {
        return Ok(0);
    }
    let hint = RepositoryHint::default();
    refresh::request_repository(row.id, hint, request, conn).await?;
    Ok(1)
}

/// Missing, and nobody knows why: its own refresh counts whether it is gone.
fn is_unexplained(row: &Repository) -> bool {
    row.reachability == Reachability::AccessLost
        && row.removed_at.is_none()
        && row.times_missing > 0
}

fn is_news(row: &Installation, seen: &client::Installation) -> bool {
    let permissions = row.permissions.as_ref().map(|permissions| &permissions.0);
    row.deleted_at.is_some()
        || row.account_login.as_ref() != Some(&seen.account.login)
        || row.suspended_at.is_some() != seen.suspended_at.is_some()
        || row.repository_selection.as_ref() != Some(&seen.repository_selection)
        || permissions != Some(&seen.permissions)
}

impl Polled {
    fn report(self) -> Report {
        let unreadable = self.unreadable;
        let partly = (unreadable > 0)
            .then(|| format!("{unreadable} installations that GitHub lists could not be read"));
        Report {
            healed: self.news + self.unlisted as u64 + self.woken,
            found: json!({
                "listed": self.listed.len(),
                "refreshed": self.refreshed,
                "news": self.news,
                "unlisted": self.unlisted,
                "sought": self.sought,
                "woken": self.woken,
                "unreadable": unreadable,
                "failed": self.failures.count,
            }),
            trouble: both(partly, self.failures.trouble("repositories and names")),
        }
    }
}

fn both(one: Option<String>, other: Option<String>) -> Option<String> {
    let all: Vec<String> = one.into_iter().chain(other).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
