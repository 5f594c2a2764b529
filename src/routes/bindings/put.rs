use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel_async::AsyncConnection;

use super::at::{At, AtPath, no_such};
use super::representation::BindingBody;
use crate::audit;
use crate::binding::{
    self, Binding, BindingRequest, BindingSpec, BindingView, Place, PutBinding, PutOutcome,
    always_required,
};
use crate::db::Conn;
use crate::organization::Put;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::body::Body;
use crate::routes::etag::Precondition;
use crate::routes::organizations::{parse_slug, put_answer};
use crate::routes::problem::{ApiError, FieldError};
use crate::slug::Slug;
use crate::token::Role;

/// Makes or changes a binding
///
/// To ask for what is there already changes nothing and syncs nothing, also when the repository is
/// named as it is called now. Needs the role admin.
#[utoipa::path(
    put, path = "/orgs/{org}/bindings/{name}", tag = "bindings", operation_id = "put_binding",
    params(
        AtPath,
        ("If-Match" = Option<String>, Header, description = "Only if its tag is one of these, or `*`: if it is there"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if it is not there"),
    ),
    request_body = BindingRequest,
    responses(
        (status = 200, description = "Changed, or as it was", body = BindingBody, headers(("ETag" = String))),
        (status = 201, description = "Made; a sync is on its way", body = BindingBody, headers(("ETag" = String))),
        (status = 412, description = "It is not as the headers ask"),
    ),
)]
pub(super) async fn put(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let place = at
        .place(&caller, Role::Admin, &mut *api.read().await?)
        .await?;
    let name: Slug = parse_slug("name", at.name())?;
    let spec = spec(&name, body, &api).await?;
    let wanted = Wanted {
        place,
        name,
        spec,
        precondition: Precondition::of(request.headers()),
    };
    let (put, view) = api
        .write()
        .await?
        .transaction(async |conn| wanted.put(&caller, &api, conn).await)
        .await?;
    let (body, etag) = BindingBody::tagged(&view, at.url(&api), &api);
    Ok(put_answer(put, &body.self_url)
        .insert_header((header::ETAG, etag.as_str()))
        .json(&body))
}

async fn spec(name: &Slug, body: Body, api: &Api) -> Result<BindingSpec, ApiError> {
    let request: BindingRequest = body.json().await?;
    let understood = request.parse(always_required(name), &api.github_hosts());
    understood.map_err(|invalid| {
        ApiError::invalid_body(invalid.into_iter().map(FieldError::from).collect())
    })
}

/// A binding as it shall be, and what must be true of it before.
struct Wanted {
    place: Place,
    name: Slug,
    spec: BindingSpec,
    precondition: Precondition,
}

impl Wanted {
    async fn put(
        &self,
        caller: &Caller,
        api: &Api,
        conn: &mut Conn,
    ) -> Result<(Put, BindingView), ApiError> {
        let put = PutBinding {
            place: self.place,
            name: &self.name,
            spec: &self.spec,
            expected_version: self.seen_version(api, conn).await?,
            cause: caller.cause(),
            max_attempts: api.max_attempts(),
            grants: api.context.config.access.grants,
        };
        match binding::put(&put, api.now(), conn).await? {
            // Another request made it since it was looked for.
            PutOutcome::Done(_, Put::Changed | Put::Identical)
                if self.precondition == Precondition::Absent =>
            {
                Err(self.precondition.failed())
            }
            PutOutcome::Done(binding, put) => {
                if let Some(status) = put.changed() {
                    let event = caller.did(status).within(binding.organization_id);
                    let event = event.with_detail(wants(&binding));
                    audit::record(&event, api.now(), conn).await?;
                }
                let view = binding::view(binding.id, conn).await?;
                Ok((put, view.ok_or_else(no_such)?))
            }
            PutOutcome::VersionDiffers => Err(self.precondition.failed()),
        }
    }

    /// The version of which the precondition is true; `None` when it asks for none.
    async fn seen_version(&self, api: &Api, conn: &mut Conn) -> Result<Option<i64>, ApiError> {
        if self.precondition == Precondition::None {
            return Ok(None);
        }
        let seen = find(self.place, self.name.as_str(), conn).await?;
        let tagged = seen
            .as_ref()
            .map(|view| BindingBody::tagged(view, String::new(), api));
        self.precondition
            .check(tagged.as_ref().map(|(_, etag)| etag))?;
        Ok(seen.map(|view| view.binding.version))
    }
}

/// What is bound, as the operator wrote it.
fn wants(binding: &Binding) -> String {
    let git_ref = binding.git_ref.as_deref().unwrap_or("its default branch");
    format!(
        "{}/{} at {git_ref}, {}",
        binding.github_host,
        binding.requested_name(),
        binding.root_path
    )
}

async fn find(place: Place, name: &str, conn: &mut Conn) -> Result<Option<BindingView>, ApiError> {
    match binding::find_in(place, name, conn).await? {
        Some(binding) => Ok(binding::view(binding.id, conn).await?),
        None => Ok(None),
    }
}

/// Deletes a binding and its content
///
/// What waits for it is called off. Needs the role admin.
#[utoipa::path(
    delete, path = "/orgs/{org}/bindings/{name}", tag = "bindings", operation_id = "delete_binding",
    params(
        AtPath,
        ("If-Match" = Option<String>, Header, description = "Only if its tag is one of these"),
    ),
    responses(
        (status = 204, description = "Gone"),
        (status = 412, description = "It is not as the header asks"),
    ),
)]
pub(super) async fn delete(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let precondition = Precondition::of(request.headers());
    let mut conn = api.write().await?;
    conn.transaction(async |conn| {
        let view = at.view(&caller, Role::Admin, conn).await?;
        let (_, etag) = BindingBody::tagged(&view, String::new(), &api);
        precondition.check(Some(&etag))?;
        binding::delete(&view.binding, api.now(), conn).await?;
        let event = caller.did(204).within(view.binding.organization_id);
        let event = event.with_detail(wants(&view.binding));
        Ok::<_, ApiError>(audit::record(&event, api.now(), conn).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
