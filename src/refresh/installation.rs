//! The job kind `installation_refresh`: what GitHub says now of one installation, and of what it covers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::cover::Through;
use super::look::{Look, Looked};
use super::lost::{InstallationLost, Lost, told};
use super::outcome::{self, Trouble, outcome_of};
use super::repository::follow_up;
use super::{InstallationHint, RepositoryHint, request_repository};
use crate::binding;
use crate::context::Context;
use crate::db::Conn;
use crate::github::GitHubError;
use crate::github::client;
use crate::ids::{AppRowId, InstallationRowId, RepositoryRowId};
use crate::installation::{self, Installation};
use crate::queue::{Effect, Finish, Job, JobKind, Outcome, Settled};
use crate::repository;

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
            Err(GitHubError::NotFound) => {
                self.look_elsewhere(&before, job).await?;
                return Ok(uninstalled(before.id, read_at));
            }
            Err(error) => return Err(error.into()),
        };
        let now = as_seen(&before, &seen);
        if !now.works() {
            self.look_elsewhere(&before, job).await?;
        }
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
            narrowed: hint.narrowed,
            restored: hint.restored,
            request: follow_up(job, &self.context),
        };
        look.run().await
    }

    /// What is bound in an installation that worked until now may be covered by another one. The poll that
    /// asked for this refresh did not look for them, since nothing seemed to be out of reach.
    async fn look_elsewhere(&self, before: &Installation, job: &Job) -> Result<(), Trouble> {
        if !before.works() {
            return Ok(());
        }
        let request = follow_up(job, &self.context);
        let mut conn = self.context.db.write().await?;
        conn.transaction(async |conn| {
            let rows = repository::of_installation(before.id, conn).await?;
            let ids: Vec<RepositoryRowId> = rows.iter().map(|row| row.id).collect();
            let mut bound = binding::bound_among(&ids, conn).await?;
            bound.sort_unstable();
            for row in bound.into_iter().take(LOOKED_FOR_AT_ONCE) {
                request_repository(row, RepositoryHint::default(), &request, conn).await?;
            }
            QueryResult::Ok(())
        })
        .await?;
        Ok(())
    }

    async fn row(&self, job: &Job) -> Result<Option<Installation>, Trouble> {
        let mut conn = self.context.db.read().await?;
        Ok(installation::find(InstallationRowId::new(job.target), &mut conn).await?)
    }
}

/// Of one installation; the others are looked for by the polls that follow, some every time.
const LOOKED_FOR_AT_ONCE: usize = 200;

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
