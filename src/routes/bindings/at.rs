//! Where a binding's URL leads: an organisation or a project, by name or by Docverse's path.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use utoipa::IntoParams;

use crate::binding::{self, Binding, BindingView, Place};
use crate::db::Conn;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::ApiError;
use crate::routes::projects;
use crate::slug::Slug;
use crate::token::Role;

/// The binding that a path leads to, whether it is there or not.
#[derive(Debug)]
pub(in crate::routes) struct At {
    pub(in crate::routes) org: String,
    pub(super) project: Option<String>,
    /// `None`: Docverse's spelling of the one name that it knows.
    name: Option<String>,
}

/// The parameters of the first of a binding's places, as documented.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "for the API's description alone")]
pub(super) struct AtPath {
    /// The organisation's slug.
    org: String,
    /// The binding's slug.
    name: String,
}

impl At {
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("dashboard-template")
    }

    /// As the caller spelt it, so that a client of Docverse sees Docverse's URLs.
    pub(super) fn url(&self, api: &Api) -> String {
        let place = match &self.project {
            Some(project) => format!("/orgs/{}/projects/{project}", self.org),
            None => format!("/orgs/{}", self.org),
        };
        match &self.name {
            Some(name) => api.url(&format!("{place}/bindings/{name}")),
            None => api.url(&format!("{place}/dashboard-template")),
        }
    }

    /// The organisation and the project, if the caller may act there in this role.
    pub(super) async fn place(
        &self,
        caller: &Caller,
        needs: Role,
        conn: &mut Conn,
    ) -> Result<Place, ApiError> {
        let organization = caller.tenant(&self.org, needs, conn).await?.organization.id;
        let project = match &self.project {
            Some(slug) => Some(projects::find(organization, slug, conn).await?.id),
            None => None,
        };
        Ok(Place {
            organization,
            project,
        })
    }

    pub(in crate::routes) async fn find(
        &self,
        caller: &Caller,
        needs: Role,
        conn: &mut Conn,
    ) -> Result<Binding, ApiError> {
        let place = self.place(caller, needs, conn).await?;
        let name: Slug = self.name().parse().map_err(|_| no_such())?;
        let binding = binding::find_in(place, name.as_str(), conn).await?;
        binding.ok_or_else(no_such)
    }

    pub(in crate::routes) async fn view(
        &self,
        caller: &Caller,
        needs: Role,
        conn: &mut Conn,
    ) -> Result<BindingView, ApiError> {
        let binding = self.find(caller, needs, conn).await?;
        let view = binding::view(binding.id, conn).await?;
        view.ok_or_else(no_such)
    }
}

pub(super) fn no_such() -> ApiError {
    ApiError::no_such("binding")
}

impl FromRequest for At {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let part = |name| request.match_info().get(name).map(ToOwned::to_owned);
        ready(Ok(Self {
            org: part("org").unwrap_or_default(),
            project: part("project"),
            name: part("name"),
        }))
    }
}
