//! What is done without being told is no tenant's: it concerns all that is bound. So it is shown to
//! tokens of all organisations alone.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::page::{self, Page, bad_cursor};
use super::problem::ApiError;
use crate::healing::{self, Healing, Timed, TimerState};
use crate::ids::{AppRowId, InstallationRowId};
use crate::installation::{self, Installation};
use crate::token::Role;

/// One kind of healing, of one App or one installation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimerBody {
    name: Healing,
    /// Null: the App is not configured any more.
    github_host: Option<String>,
    github_app_id: Option<i64>,
    /// Null: it is of the whole App.
    github_installation_id: Option<i64>,
    /// On which the installation is.
    account: Option<String>,
    /// When it is done next.
    due_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    /// When the last run ended, well or not.
    finished_at: Option<DateTime<Utc>>,
    /// What the last run that could look found and healed.
    #[schema(value_type = Option<Object>)]
    result: Option<serde_json::Value>,
    /// Why the last run did not do all of its work; null when it did.
    error: Option<String>,
}

impl TimerBody {
    fn new(
        state: TimerState,
        installations: &BTreeMap<InstallationRowId, Installation>,
        api: &Api,
    ) -> Self {
        let installation = match state.name {
            Healing::HeadPoll => installations.get(&InstallationRowId::new(state.target)),
            Healing::DeliverySweep | Healing::InstallationPoll => None,
        };
        let app = match state.name {
            Healing::HeadPoll => installation.map(|installation| installation.github_app_id),
            Healing::DeliverySweep | Healing::InstallationPoll => Some(AppRowId::new(state.target)),
        };
        let app = app.and_then(|row| api.context.apps.of_row(row));
        Self {
            name: state.name,
            github_host: app.map(|app| app.host.clone()),
            github_app_id: app.map(|app| app.app_id.get()),
            github_installation_id: installation.map(|found| found.github_id.get()),
            account: installation.and_then(|found| found.account_login.clone()),
            due_at: state.due_at,
            started_at: state.started_at,
            finished_at: state.finished_at,
            result: state.result.map(|result| result.0),
            error: state.error,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimerListQuery {
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

/// Lists what is done without being told: when it ran, what it found and healed
///
/// The sweep of GitHub's list of deliveries and the poll of installations of each App, and the poll of
/// what the bound refs of each installation hold. For tokens of all organisations.
#[utoipa::path(
    get, path = "/healing", tag = "healing", operation_id = "list_healing",
    params(TimerListQuery),
    responses((status = 200, description = "A page of them", body = Vec<TimerBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    caller.needs_global(Role::Viewer)?;
    let query: TimerListQuery = page::query(&request)?;
    let page = Page::new("healing", query.limit, query.cursor.as_deref())?;
    let after = page.after().map(position).transpose()?;
    let mut conn = api.read().await?;
    let mut states = healing::list(after, page.rows(), &mut conn).await?;
    let next = page.cut(&mut states, |state| {
        format!("{}/{}", state.name, state.target)
    });
    let polled = states
        .iter()
        .filter(|state| state.name == Healing::HeadPoll);
    let rows: Vec<_> = polled
        .map(|state| InstallationRowId::new(state.target))
        .collect();
    let installations = installation::of_rows(&rows, &mut conn).await?;
    let installations = installations.into_iter().map(|row| (row.id, row)).collect();
    let body: Vec<_> = states
        .into_iter()
        .map(|state| TimerBody::new(state, &installations, &api))
        .collect();
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

fn position(text: &str) -> Result<Timed, ApiError> {
    let (name, target) = text.split_once('/').ok_or_else(bad_cursor)?;
    Ok(Timed {
        healing: name.parse().map_err(|_| bad_cursor())?,
        target: target.parse().map_err(|_| bad_cursor())?,
    })
}
