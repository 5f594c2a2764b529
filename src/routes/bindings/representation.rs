//! A binding as the API shows it, and its tag.

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::binding::{Access, Binding, BindingView, Status};
use crate::github::ids::{InstallationId, OwnerId};
use crate::repository::{FormerName, NameChange, Repository};
use crate::routes::Api;
use crate::routes::etag::ETag;

/// A binding as it is shown: Docverse's fields first, in its spelling.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BindingBody {
    pub(super) self_url: String,
    /// Where people look at what is bound, by the repository's present name.
    #[schema(example = "https://github.com/octo/templates/tree/main/themes/default")]
    web_url: String,
    /// As requested; `repository` has the present names.
    github_owner: String,
    github_repo: String,
    /// Null: the default branch.
    github_ref: Option<String>,
    root_path: String,
    /// Null until the first sync of what is bound now.
    commit_sha: Option<String>,
    last_sync_status: Status,
    last_sync_error: Option<String>,
    last_sync_queue_job_url: Option<String>,
    /// GitHub's ids are null until the first sync of what is bound now. Without a grant, those of the owner
    /// and the installation are of when its content was published.
    github_owner_id: Option<i64>,
    github_repo_id: Option<i64>,
    github_installation_id: Option<i64>,
    date_created: DateTime<Utc>,
    date_updated: DateTime<Utc>,
    id: i64,
    name: String,
    organization: String,
    /// Null: on the organisation, the default of all its projects.
    project: Option<String>,
    tree_sha: Option<String>,
    required_files: Vec<String>,
    access: Access,
    date_synced: Option<DateTime<Utc>>,
    /// GUID of the newest delivery that concerned it.
    last_delivery: Option<String>,
    github_host: String,
    /// What the repository is called now; null until the first sync, and without a grant.
    repository: Option<RepositoryBody>,
}

/// What a repository is at the moment, and what it was called before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RepositoryBody {
    owner: String,
    name: String,
    default_branch: Option<String>,
    /// `public`, `private` or `internal`.
    visibility: Option<String>,
    archived: bool,
    /// The oldest first; the last is the present one.
    names: Vec<NameBody>,
}

/// A name that a repository has, or had.
#[derive(Debug, Serialize, ToSchema)]
struct NameBody {
    owner: String,
    name: String,
    /// How it came by that name.
    because: NameChange,
    /// When Bindery learnt of it: GitHub does not say when it happened.
    since: DateTime<Utc>,
}

impl RepositoryBody {
    fn new(repository: &Repository, names: &[FormerName]) -> Self {
        Self {
            owner: repository.owner.clone(),
            name: repository.name.clone(),
            default_branch: repository.default_branch.clone(),
            visibility: repository.visibility.clone(),
            archived: repository.archived,
            names: names.iter().map(NameBody::new).collect(),
        }
    }
}

impl BindingBody {
    /// With the one URL that it has under `bindings/`.
    pub(super) fn new(view: &BindingView, api: &Api) -> Self {
        let binding = &view.binding;
        let grants = api.context.config.access.grants;
        let repository = view.repository.as_ref();
        let (owner_id, installation_id) = view.shown_ids(grants);
        Self {
            self_url: api.url(&view.place()),
            web_url: web_url(binding, view.shown_repository(grants)),
            github_owner: binding.github_owner.clone(),
            github_repo: binding.github_repo.clone(),
            github_ref: binding.git_ref.clone(),
            root_path: binding.root_path.clone(),
            commit_sha: binding.commit_sha.clone(),
            last_sync_status: binding.status,
            last_sync_error: binding.error.clone(),
            last_sync_queue_job_url: binding
                .last_job_id
                .map(|id| api.url(&format!("/jobs/{id}"))),
            github_owner_id: owner_id.map(OwnerId::get),
            github_repo_id: repository.map(|repository| repository.github_id.get()),
            github_installation_id: installation_id.map(InstallationId::get),
            date_created: binding.created_at,
            date_updated: binding.updated_at,
            id: binding.id.get(),
            name: binding.name.clone(),
            organization: view.organization.clone(),
            project: view.project.clone(),
            tree_sha: view
                .current_content()
                .map(|content| content.tree_sha.clone()),
            required_files: binding.required_files.0.clone(),
            access: view.access(grants),
            date_synced: binding.synced_at,
            last_delivery: view.last_delivery.clone(),
            github_host: binding.github_host.clone(),
            repository: view
                .shown_repository(grants)
                .map(|repository| RepositoryBody::new(repository, &view.names)),
        }
    }

    /// The representation and its tag, which is the same by whichever of its URLs it is read.
    pub(super) fn tagged(view: &BindingView, url: String, api: &Api) -> (Self, ETag) {
        let mut body = Self::new(view, api);
        let etag = ETag::of(&body);
        body.self_url = url;
        (body, etag)
    }
}

impl NameBody {
    fn new(name: &FormerName) -> Self {
        Self {
            owner: name.owner.clone(),
            name: name.name.clone(),
            because: name.because,
            since: name.since,
        }
    }
}

/// What stands for itself within a path of GitHub's.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where people look at what is bound, on its GitHub.
pub(in crate::routes) fn web_url(binding: &Binding, repository: Option<&Repository>) -> String {
    let name = repository.map_or_else(|| binding.requested_name(), Repository::full_name);
    let repository = format!("https://{}/{name}", binding.github_host);
    let root = binding.root_path.trim_end_matches('/');
    let git_ref = match &binding.git_ref {
        // GitHub's own name for "the default branch, whichever it is".
        None if root.is_empty() => return repository,
        None => "HEAD",
        Some(git_ref) => git_ref.strip_prefix("refs/tags/").unwrap_or(git_ref),
    };
    format!(
        "{repository}/tree/{}{}",
        utf8_percent_encode(git_ref, PATH),
        utf8_percent_encode(root, PATH)
    )
}
