//! The job kind `installation_refresh`: what GitHub says now of one installation, and of what it covers.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::cover::{Through, page_of};
use super::lost::{InstallationLost, Lost, told};
use super::outcome::{self, Trouble, outcome_of};
use super::repository::follow_up;
use super::sighting::{Sighting, record_sighting, wake_unsynced};
use super::{InstallationHint, RepositoryHint, request_repository};
use crate::binding;
use crate::context::Context;
use crate::db::Conn;
use crate::github::GitHubError;
use crate::github::client;
use crate::github::ids::RepositoryId;
use crate::ids::{AppRowId, InstallationRowId};
use crate::installation::{self, Installation};
use crate::queue::{Effect, Finish, Job, JobKind, Outcome, Request, Settled};
use crate::repository::{self, Coverage, Reachability, Repository, key_of};

/// The job kind `installation_refresh`.
#[derive(Debug, Clone)]
pub struct InstallationRefresh {
    context: Context,
}

#[async_trait]
impl JobKind for InstallationRefresh {
    fn name(&self) -> &'static str {
        super::INSTALLATION
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        match self.refresh(job).await {
            Ok(finish) => Ok(finish),
            Err(Trouble::GitHub(error)) => {
                Ok(outcome_of(error, "looking at the installation")?.into())
            }
            Err(Trouble::Own(error)) => Err(error),
        }
    }
}

/// What a look at an installation's repositories has come to.
#[derive(Debug, Default, Clone, Copy)]
struct Looked {
    listed: u64,
    known: usize,
    /// Known, and not listed any more.
    unlisted: usize,
    /// Bindings that had never synced and try again.
    woken: usize,
}

impl InstallationRefresh {
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    async fn refresh(&self, job: &Job) -> Result<Finish, Trouble> {
        let Some(before) = self.row(job).await? else {
            let reason = "the installation is not known any more".to_owned();
            return Ok(Outcome::Cancelled { reason }.into());
        };
        let Some(app) = self.context.apps.of_row(before.github_app_id).cloned() else {
            return Ok(outcome::left_to_another(&self.context).into());
        };
        let read_at = self.context.clock.now();
        let seen = match app.github.installation(before.github_id).await {
            Ok(seen) => seen,
            Err(GitHubError::NotFound) => return Ok(uninstalled(before.id, read_at)),
            Err(error) => return Err(error.into()),
        };
        let now = as_seen(&before, &seen);
        let hint = Hints::of(job, &before, &now);
        if hint.narrowed {
            // Before anything can come between, for the refresh that will be able to look.
            let mut conn = self.context.db.write().await?;
            installation::mark_narrowed(before.id, read_at, &mut conn).await?;
        }
        let looks = now.works() && hint.look;
        let confirm = Confirm {
            app: before.github_app_id,
            seen,
            read_at,
            looked: false,
        };
        let through = Through {
            app,
            installation: now.clone(),
        };
        let looked = if looks {
            self.look(&through, hint, job).await
        } else {
            Ok(Looked::default())
        };
        match looked {
            Ok(looked) => {
                let outcome = Outcome::Completed(result(&now, hint, looked));
                Ok(Finish::with(
                    outcome,
                    Confirm {
                        looked: looks,
                        ..confirm
                    },
                ))
            }
            Err(Trouble::GitHub(error)) => looked_in_vain(error, &through, confirm),
            Err(trouble) => Err(trouble),
        }
    }

    async fn look(&self, through: &Through, hint: Hints, job: &Job) -> Result<Looked, Trouble> {
        let look = Look {
            context: &self.context,
            through,
            hint,
            sought: self.sought(through).await?,
            request: follow_up(job, &self.context),
        };
        look.run().await
    }

    /// The names under this account that bindings go by which never synced, because they could not reach them.
    async fn sought(&self, through: &Through) -> Result<BTreeSet<String>, Trouble> {
        let Some(login) = &through.installation.account_login else {
            return Ok(BTreeSet::new());
        };
        let mut conn = self.context.db.read().await?;
        let unsynced = binding::unsynced_of_owner(&through.app.host, login, &mut conn).await?;
        let sought = unsynced.iter().filter(|binding| binding.is_out_of_reach());
        Ok(sought
            .map(|binding| key_of(&binding.sought_name().name))
            .collect())
    }

    async fn row(&self, job: &Job) -> Result<Option<Installation>, Trouble> {
        let mut conn = self.context.db.read().await?;
        Ok(installation::find(InstallationRowId::new(job.target), &mut conn).await?)
    }
}

/// The row as it will be: written last, so that an attempt that dies on the way begins with what was known.
fn as_seen(before: &Installation, seen: &client::Installation) -> Installation {
    Installation {
        account_id: Some(seen.account.id),
        account_login: Some(seen.account.login.clone()),
        suspended_at: seen.suspended_at,
        deleted_at: None,
        permissions: Some(crate::db::Json(seen.permissions.clone())),
        repository_selection: Some(seen.repository_selection.clone()),
        ..before.clone()
    }
}

/// What the requests said, with what the rows say besides.
#[derive(Debug, Clone, Copy)]
struct Hints {
    look: bool,
    narrowed: bool,
    restored: bool,
}

impl Hints {
    fn of(job: &Job, before: &Installation, now: &Installation) -> Self {
        let said: Vec<InstallationHint> = job.hints_as();
        let first = before.confirmed_at.is_none();
        let restored = said.iter().any(|hint| hint.restored) || first || !before.works();
        let selected = |row: &Installation| row.repository_selection.as_deref() == Some("selected");
        let reselected = before.repository_selection != now.repository_selection;
        let was_all = before.repository_selection.is_some() && !selected(before);
        // Said or not, it is so only while GitHub says "selected".
        let told = before.narrowed_at.is_some() || said.iter().any(|hint| hint.narrowed);
        let narrowed = selected(now) && (was_all || told);
        Self {
            look: restored || narrowed || reselected || said.iter().any(|hint| hint.look),
            narrowed,
            restored,
        }
    }
}

/// One look at everything that an installation covers, page by page, each in its own transactions.
struct Look<'a> {
    context: &'a Context,
    through: &'a Through,
    hint: Hints,
    sought: BTreeSet<String>,
    request: Request,
}

impl Look<'_> {
    async fn run(&self) -> Result<Looked, Trouble> {
        let mut looked = Looked::default();
        let mut listed = BTreeSet::new();
        let begun_at = self.context.clock.now();
        for number in 1.. {
            let read_at = self.context.clock.now();
            let page = page_of(self.through, number).await?;
            listed.extend(page.repositories.iter().map(|repository| repository.id));
            looked.listed += page.entries;
            self.record(&page.repositories, read_at, &mut looked)
                .await?;
            if page.entries == 0 || looked.listed >= page.total_count {
                break;
            }
        }
        looked.unlisted = self.ask_for_unlisted(&listed, begun_at).await?;
        Ok(looked)
    }

    async fn record(
        &self,
        page: &[client::Repository],
        read_at: DateTime<Utc>,
        looked: &mut Looked,
    ) -> Result<(), Trouble> {
        let known = self.known(page).await?;
        for seen in page {
            let row = known.get(&seen.id);
            // An installation may cover thousands that nobody here has asked for.
            if row.is_none() && !self.sought.contains(&key_of(&seen.name.name)) {
                continue;
            }
            let mut conn = self.context.db.write().await?;
            looked.woken += conn
                .transaction(async |conn| self.record_one(seen, row, read_at, conn).await)
                .await?;
            looked.known += usize::from(row.is_some());
        }
        Ok(())
    }

    async fn known(
        &self,
        page: &[client::Repository],
    ) -> Result<BTreeMap<RepositoryId, Repository>, Trouble> {
        let ids: Vec<RepositoryId> = page.iter().map(|seen| seen.id).collect();
        let mut conn = self.context.db.read().await?;
        let rows = repository::find_all(&self.through.app.host, &ids, &mut conn).await?;
        Ok(rows.into_iter().map(|row| (row.github_id, row)).collect())
    }

    /// How many unsynced bindings were woken.
    async fn record_one(
        &self,
        seen: &client::Repository,
        row: Option<&Repository>,
        read_at: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<usize> {
        let host = &self.through.app.host;
        let (this, request) = (&self.through.installation, &self.request);
        let grants = self.context.config.access.grants;
        let coverage = match row {
            Some(row) => self.coverage(row, conn).await?,
            None => None,
        };
        if let (Some(row), None) = (row, coverage) {
            request_repository(row.id, RepositoryHint::default(), request, conn).await?;
        }
        // Jobs and bindings are locked before the repository's row, as everybody does.
        let woken = wake_unsynced(host, &seen.name, this, grants, request, conn).await?;
        if let (Some(row), Some(coverage)) = (row, coverage) {
            let sighting = Sighting {
                host,
                seen,
                coverage,
                etag: None,
                read_at,
                restored: self.hint.restored,
                grants,
                except: None,
            };
            if self.is_news(row, &sighting) {
                record_sighting(&sighting, request, conn).await?;
            }
        }
        Ok(woken)
    }

    /// The App has one installation on an account, so a later one of the same App takes over. One of
    /// another App stays on record while it works; `None`: it does, and whether it still covers the
    /// repository is asked of GitHub, and not concluded from this list.
    async fn coverage(&self, row: &Repository, conn: &mut Conn) -> QueryResult<Option<Coverage>> {
        let this = &self.through.installation;
        let recorded = match row.installation_id {
            Some(id) => installation::find(id, conn).await?,
            None => None,
        };
        let another = recorded
            .filter(|recorded| recorded.github_app_id != this.github_app_id && recorded.works());
        let certain =
            row.installation_doubted_at.is_none() && row.reachability == Reachability::Reachable;
        Ok(match another {
            Some(another) => certain.then_some(Coverage::OnRecord(another.id)),
            None => Some(Coverage::Asked(this.id)),
        })
    }

    /// Most of what a poll sees is as it was, and not worth a write.
    fn is_news(&self, row: &Repository, sighting: &Sighting<'_>) -> bool {
        let seen = sighting.seen;
        let same_names = row.owner == seen.name.owner
            && row.name == seen.name.name
            && row.owner_id == seen.owner_id;
        let same_facts = row.default_branch.as_ref() == Some(&seen.default_branch)
            && row.visibility.as_ref() == Some(&seen.visibility)
            && row.archived == seen.archived;
        let same_access = row.reachability == Reachability::Reachable
            && row.installation_doubted_at.is_none()
            && match sighting.coverage {
                Coverage::Asked(id) | Coverage::OnRecord(id) => row.installation_id == Some(id),
                Coverage::Nobody => false,
            };
        self.hint.restored || !(same_names && same_facts && same_access)
    }

    /// What is on record as covered and was not listed is looked for one by one.
    async fn ask_for_unlisted(
        &self,
        listed: &BTreeSet<RepositoryId>,
        begun_at: DateTime<Utc>,
    ) -> Result<usize, Trouble> {
        let rows = {
            let mut conn = self.context.db.read().await?;
            repository::of_installation(self.through.installation.id, &mut conn).await?
        };
        let unlisted = rows.iter().filter(|row| {
            // What seemed to be gone may have been taken out: a narrowing is told late, and names nothing.
            let gone = row.reachability == Reachability::Gone && !self.hint.narrowed;
            let taken_out = row.removed_at.is_some() && row.reachability != Reachability::Reachable;
            let settled = gone || taken_out;
            !listed.contains(&row.github_id) && !settled && row.confirmed_at <= begun_at
        });
        let mut asked = 0;
        for row in unlisted {
            let hint = RepositoryHint {
                removed: self.hint.narrowed,
            };
            let mut conn = self.context.db.write().await?;
            conn.transaction(async |conn| {
                request_repository(row.id, hint, &self.request, conn).await?;
                repository::doubt_installation(row.id, self.request.at, conn).await
            })
            .await?;
            asked += 1;
        }
        Ok(asked)
    }
}

fn result(now: &Installation, hint: Hints, looked: Looked) -> serde_json::Value {
    let access = if now.suspended_at.is_some() {
        "suspended"
    } else if now.works() {
        "reachable"
    } else {
        "access_lost"
    };
    json!({
        "access": access,
        "missing_permission": now.missing_permission(),
        "restored": hint.restored,
        "listed": hint.look.then_some(looked.listed),
        "known": hint.look.then_some(looked.known),
        "unlisted": hint.look.then_some(looked.unlisted),
        "woken": hint.look.then_some(looked.woken),
    })
}

fn uninstalled(installation: InstallationRowId, read_at: DateTime<Utc>) -> Finish {
    let result = json!({ "access": "access_lost", "because": "the App was uninstalled there" });
    let effect = InstallationLost {
        installation,
        lost: Lost::Uninstalled,
        read_at,
    };
    Finish::with(Outcome::Completed(result), effect)
}

/// What was read of the installation itself holds, whatever came of the list. When that is to be tried
/// again, nothing is written yet: the next attempt has to see that it works again.
fn looked_in_vain(
    error: GitHubError,
    through: &Through,
    confirm: Confirm,
) -> Result<Finish, Trouble> {
    let asked_at = confirm.read_at;
    match told(error, through, asked_at) {
        Err(Trouble::GitHub(error)) => {
            match outcome_of(error, "listing what the installation covers")? {
                outcome @ Outcome::Discarded { .. } => Ok(Finish::with(outcome, confirm)),
                outcome => Ok(outcome.into()),
            }
        }
        told => told,
    }
}

struct Confirm {
    app: AppRowId,
    seen: client::Installation,
    read_at: DateTime<Utc>,
    /// All that it covers was listed.
    looked: bool,
}

#[async_trait]
impl Effect for Confirm {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        let row = installation::confirm(self.app, &self.seen, self.read_at, conn).await?;
        if self.looked {
            installation::settle_narrowing(row.id, self.read_at, conn).await?;
        }
        Ok(())
    }
}
