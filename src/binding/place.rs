use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Binding;
use crate::db::Conn;
use crate::db::schema::bindings;
use crate::ids::{OrganizationId, ProjectId};
use crate::slug::Slug;

/// Where a binding lives: on an organisation, as the default of its projects, or on one project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub organization: OrganizationId,
    pub project: Option<ProjectId>,
}

/// The name under which Docverse's clients know their one binding.
const TEMPLATE: &str = "dashboard-template";

pub fn is_template_name(name: &Slug) -> bool {
    name.as_str() == TEMPLATE
}

/// What a binding of this name must hold, whatever its operator asks for.
pub fn always_required(name: &Slug) -> &'static [&'static str] {
    if is_template_name(name) {
        &["template.toml"]
    } else {
        &[]
    }
}

pub async fn find_in(place: Place, name: &str, conn: &mut Conn) -> QueryResult<Option<Binding>> {
    let mut query = bindings::table
        .filter(
            bindings::organization_id
                .eq(place.organization)
                .and(bindings::name.eq(name)),
        )
        .select(Binding::as_select())
        .into_boxed();
    query = match place.project {
        Some(project) => query.filter(bindings::project_id.eq(project)),
        None => query.filter(bindings::project_id.is_null()),
    };
    query.first(conn).await.optional()
}
