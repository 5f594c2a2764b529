//! A binding with everything that a reader of it wants to know, in one query.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::access::Access;
use super::{Binding, Status};
use crate::config::Grants;
use crate::content::Content;
use crate::db::Conn;
use crate::db::schema::{
    bindings, contents, deliveries, installation_grants, installations, organizations, projects,
    repositories,
};
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, OwnerId, RepositoryId};
use crate::ids::{BindingId, OrganizationId, ProjectId};
use crate::installation::Installation;
use crate::repository::{self, FormerName, Repository, key_of};

#[derive(Debug, Clone)]
pub struct BindingView {
    pub binding: Binding,
    pub organization: String,
    pub project: Option<String>,
    /// `None` while unsynced.
    pub repository: Option<Repository>,
    pub installation: Option<Installation>,
    /// Whether the organisation holds a grant for that installation.
    pub holds_grant: bool,
    pub content: Option<Content>,
    /// GUID of the newest delivery that concerned it.
    pub last_delivery: Option<String>,
    /// What the repository has been called, the oldest name first.
    pub names: Vec<FormerName>,
}

impl BindingView {
    pub fn access(&self, grants: Grants) -> Access {
        Access::derive(
            self.repository.as_ref(),
            self.installation.as_ref(),
            grants.allow(self.holds_grant),
            self.binding.finding,
        )
    }

    /// The repository as it is now. Its later names are not for who has no grant any more: they may be
    /// those of a private repository that went elsewhere.
    pub fn shown_repository(&self, grants: Grants) -> Option<&Repository> {
        self.repository
            .as_ref()
            .filter(|_| grants.allow(self.holds_grant))
    }

    /// Whose it is, and through which installation it is read: as things are now, or, without a grant, as
    /// they were when what is held was published. Where it went since is not told.
    pub fn shown_ids(&self, grants: Grants) -> (Option<OwnerId>, Option<InstallationId>) {
        match self.shown_repository(grants) {
            Some(repository) => (
                Some(repository.owner_id),
                self.installation.as_ref().map(|now| now.github_id),
            ),
            None => self.current_content().map_or((None, None), |content| {
                (Some(content.owner_id), Some(content.installation_id))
            }),
        }
    }

    /// Where it is in the API, below the prefix.
    pub fn place(&self) -> String {
        let (organization, name) = (&self.organization, &self.binding.name);
        match &self.project {
            Some(project) => format!("/orgs/{organization}/projects/{project}/bindings/{name}"),
            None => format!("/orgs/{organization}/bindings/{name}"),
        }
    }

    /// The content, when it is of what is bound now and not of what was bound before.
    pub fn current_content(&self) -> Option<&Content> {
        self.binding.commit_sha.as_ref().and(self.content.as_ref())
    }
}

/// What a list of bindings is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct BindingFilter {
    pub organization: Option<OrganizationId>,
    pub project: Option<ProjectId>,
    pub status: Option<Status>,
    pub repository: Option<RepositoryFilter>,
    pub after: Option<BindingId>,
}

#[derive(Debug, Clone)]
pub enum RepositoryFilter {
    Id(RepositoryId),
    /// As requested, or as called now where the organisation may know that.
    Name(RepositoryName, Grants),
}

type Joined = (
    Binding,
    String,
    Option<String>,
    Option<Repository>,
    Option<Installation>,
    Option<InstallationId>,
    Option<Content>,
    Option<String>,
);

impl From<Joined> for BindingView {
    fn from(row: Joined) -> Self {
        let (
            binding,
            organization,
            project,
            repository,
            installation,
            granted,
            content,
            last_delivery,
        ) = row;
        Self {
            binding,
            organization,
            project,
            repository,
            installation,
            holds_grant: granted.is_some(),
            content,
            last_delivery,
            names: Vec::new(),
        }
    }
}

pub async fn view(id: BindingId, conn: &mut Conn) -> QueryResult<Option<BindingView>> {
    let filter = BindingFilter {
        after: Some(BindingId::new(id.get() - 1)),
        ..BindingFilter::default()
    };
    let found = list(&filter, 1, conn).await?;
    Ok(found.into_iter().find(|view| view.binding.id == id))
}

/// The oldest first.
pub async fn list(
    filter: &BindingFilter,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<BindingView>> {
    let joined = bindings::table
        .inner_join(organizations::table)
        .left_join(projects::table.on(bindings::project_id.eq(projects::id.nullable())))
        .left_join(repositories::table)
        .left_join(
            installations::table.on(repositories::installation_id.eq(installations::id.nullable())),
        )
        .left_join(
            installation_grants::table.on(installation_grants::organization_id
                .eq(bindings::organization_id)
                .and(
                    installation_grants::github_host
                        .nullable()
                        .eq(repositories::github_host.nullable()),
                )
                .and(
                    installation_grants::installation_id
                        .nullable()
                        .eq(installations::github_id.nullable()),
                )),
        )
        .left_join(contents::table.on(bindings::content_id.eq(contents::id.nullable())))
        .left_join(deliveries::table.on(bindings::last_delivery_id.eq(deliveries::id.nullable())));
    let mut query = joined
        .order(bindings::id)
        .select((
            Binding::as_select(),
            organizations::slug,
            projects::slug.nullable(),
            Option::<Repository>::as_select(),
            Option::<Installation>::as_select(),
            installation_grants::installation_id.nullable(),
            Option::<Content>::as_select(),
            deliveries::guid.nullable(),
        ))
        .into_boxed()
        .limit(limit);
    if let Some(organization) = filter.organization {
        query = query.filter(bindings::organization_id.eq(organization));
    }
    if let Some(project) = filter.project {
        query = query.filter(bindings::project_id.eq(project));
    }
    if let Some(status) = filter.status {
        query = query.filter(bindings::status.eq(status));
    }
    if let Some(after) = filter.after {
        query = query.filter(bindings::id.gt(after));
    }
    match &filter.repository {
        Some(RepositoryFilter::Id(id)) => {
            query = query.filter(repositories::github_id.eq(*id));
        }
        Some(RepositoryFilter::Name(name, grants)) => {
            let (owner, repo) = (key_of(&name.owner), key_of(&name.name));
            let requested = bindings::owner_key
                .eq(owner.clone())
                .and(bindings::repo_key.eq(repo.clone()));
            let now = repositories::owner_key
                .eq(owner)
                .and(repositories::name_key.eq(repo))
                .assume_not_null();
            let holds_grant = installation_grants::installation_id
                .nullable()
                .is_not_null();
            // What follows a rename before its first sync goes by another name than it was given.
            let as_written = bindings::github_owner
                .eq(name.owner.clone())
                .and(bindings::github_repo.eq(name.name.clone()));
            let as_requested = requested.or(as_written);
            query = if grants.allow(false) {
                query.filter(as_requested.or(now))
            } else {
                query.filter(as_requested.or(now.and(holds_grant)))
            };
        }
        None => {}
    }
    let rows: Vec<Joined> = query.load(conn).await?;
    let mut views: Vec<BindingView> = rows.into_iter().map(BindingView::from).collect();
    let ids: Vec<_> = views
        .iter()
        .filter_map(|view| view.binding.repository_id)
        .collect();
    let names = repository::names_of(&ids, conn).await?;
    for view in &mut views {
        if let Some(id) = view.binding.repository_id {
            view.names = names.get(&id).cloned().unwrap_or_default();
        }
    }
    Ok(views)
}
