//! `bind`, `unbind`, `bindings`, `get`: what is bound where, and how it does.

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use clap::Args;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Query};
use super::print::{Common, Facts, Listing, Row, read};
use super::sync::{self, Waiting};
use super::table::Cell;
use crate::binding::{Status, Written};
use crate::cli::out;
use crate::explain::BindingPlace;

#[derive(Debug, Args)]
pub(in crate::cli) struct BindArgs {
    /// Where it is to be: acme/site, or acme/docs/site in a project.
    place: BindingPlace,
    /// What it is filled from: octo/templates@main:/themes. Without a ref the default branch, without a
    /// path the whole repository.
    source: Written,
    /// The GitHub that the repository is on. Otherwise the service's first.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// A file without which a tree is not published; may be given again.
    #[arg(long = "require", value_name = "FILE")]
    required_files: Vec<String>,
    /// Make the organisation and the project if they are not there.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UnbindArgs {
    /// Where it is: acme/site, or acme/docs/site in a project.
    place: BindingPlace,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BindingsArgs {
    /// Those of this organisation and its projects. Otherwise of all that the token sees.
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Those of this project.
    #[arg(long, requires = "org")]
    project: Option<String>,
    /// Those whose last sync ended so: pending, succeeded or failed.
    #[arg(long)]
    status: Option<Status>,
    /// Those on this repository, by its name or GitHub's numeric id.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GetArgs {
    /// Where it is: acme/site, or acme/docs/site in a project.
    place: BindingPlace,
    #[command(flatten)]
    common: Common,
}

/// A binding, as far as people are shown of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Binding {
    pub(super) id: i64,
    pub(super) organization: String,
    pub(super) project: Option<String>,
    pub(super) name: String,
    pub(super) github_host: String,
    pub(super) github_owner: String,
    pub(super) github_repo: String,
    pub(super) github_ref: Option<String>,
    pub(super) root_path: String,
    pub(super) required_files: Vec<String>,
    pub(super) last_sync_status: String,
    pub(super) last_sync_error: Option<String>,
    pub(super) last_sync_queue_job_url: Option<String>,
    pub(super) repository: Option<Named>,
    commit_sha: Option<String>,
    tree_sha: Option<String>,
    access: String,
    web_url: String,
    last_delivery: Option<String>,
    date_synced: Option<DateTime<Utc>>,
    date_created: DateTime<Utc>,
}

/// What a repository is called now.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Named {
    pub(super) owner: String,
    pub(super) name: String,
}

impl Binding {
    /// As people write it.
    pub(super) fn place(&self) -> String {
        match &self.project {
            Some(project) => format!("{}/{project}/{}", self.organization, self.name),
            None => format!("{}/{}", self.organization, self.name),
        }
    }

    /// Its path in the API.
    pub(super) fn path(&self) -> String {
        match &self.project {
            Some(project) => format!(
                "/orgs/{}/projects/{project}/bindings/{}",
                self.organization, self.name
            ),
            None => format!("/orgs/{}/bindings/{}", self.organization, self.name),
        }
    }

    /// As it was requested, as people write it.
    pub(super) fn source(&self) -> String {
        let mut text = format!("{}/{}", self.github_owner, self.github_repo);
        if let Some(git_ref) = &self.github_ref {
            text += &format!("@{git_ref}");
        }
        if self.root_path != "/" {
            text += &format!(":{}", self.root_path);
        }
        text
    }

    pub(super) fn commit_sha(&self) -> Option<&str> {
        self.commit_sha.as_deref()
    }

    /// Of the newest job that is known.
    pub(super) fn last_job(&self) -> Option<i64> {
        let (_, id) = self.last_sync_queue_job_url.as_deref()?.rsplit_once('/')?;
        id.parse().ok()
    }
}

impl Row for Binding {
    const HEADER: &'static [&'static str] =
        &["place", "source", "status", "access", "commit", "synced"];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        vec![
            self.place().into(),
            self.source().into(),
            Cell::state(&self.last_sync_status),
            Cell::state(&self.access),
            Cell::sha(self.commit_sha.as_deref()),
            Cell::when(self.date_synced, now),
        ]
    }
}

impl Facts for Binding {
    fn facts(self, now: DateTime<Utc>) -> Vec<(&'static str, Cell)> {
        let called = self.repository.as_ref();
        let called = called.map(|now| format!("{}/{}", now.owner, now.name));
        let required = (!self.required_files.is_empty()).then(|| self.required_files.join(", "));
        vec![
            ("place", self.place().into()),
            ("source", self.source().into()),
            ("on", self.github_host.as_str().into()),
            ("called now", Cell::maybe(called)),
            ("status", Cell::state(&self.last_sync_status)),
            ("error", Cell::maybe(self.last_sync_error.as_ref())),
            ("access", Cell::state(&self.access)),
            ("commit", Cell::maybe(self.commit_sha.as_ref())),
            ("tree", Cell::maybe(self.tree_sha.as_ref())),
            ("required files", Cell::maybe(required)),
            ("synced", Cell::when(self.date_synced, now)),
            ("last job", Cell::maybe(self.last_job())),
            ("last delivery", Cell::maybe(self.last_delivery.as_ref())),
            ("made", Cell::when(Some(self.date_created), now)),
            ("look at it", self.web_url.as_str().into()),
        ]
    }
}

/// `bindery bind`
pub(in crate::cli) async fn bind(args: BindArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let (place, source) = (args.place, args.source);
    if args.create {
        make_room(&place, &api).await?;
    }
    let body = body(&source, args.host.as_deref(), &args.required_files);
    let put = api.put(&place.to_string(), &body).await;
    let answer = put.map_err(|failure| match failure.is("not-found") && !args.create {
        true => anyhow!("{failure} (--create makes it)"),
        false => failure.into(),
    });
    let answer = answer.with_context(|| place.short())?;
    let binding: Binding = read(answer.json.clone())?;
    if args.waiting.is_asked() {
        let job = binding.last_job();
        sync::wait_for(&place, job, &args.waiting, &api).await?;
        let now = api.get(&place.to_string()).await?;
        return args.common.output.say_one::<Binding>(now);
    }
    if answer.status == StatusCode::CREATED {
        out::note(format_args!(
            "{} is made; its first sync is on its way",
            place.short()
        ));
    }
    args.common.output.say_one::<Binding>(answer.json)
}

/// What a `PUT` of a binding is sent.
pub(super) fn body(source: &Written, host: Option<&str>, required_files: &[String]) -> Value {
    json!({
        "github_owner": source.repository.owner,
        "github_repo": source.repository.name,
        "github_host": host,
        "github_ref": source.git_ref.as_ref().map(ToString::to_string),
        "root_path": source.root_path.as_str(),
        "required_files": required_files,
    })
}

/// What is there is left as it is: a `PUT` would take its title.
async fn make_room(place: &BindingPlace, api: &Api) -> anyhow::Result<()> {
    let org = format!("/orgs/{}", place.organization);
    let project = place.project.as_ref();
    let project = project.map(|project| format!("{org}/projects/{project}"));
    for path in [Some(org), project].into_iter().flatten() {
        if api.find(&path).await?.is_none() {
            api.put(&path, &json!({})).await.context(path)?;
        }
    }
    Ok(())
}

/// `bindery unbind`
pub(in crate::cli) async fn unbind(args: UnbindArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let deleted = api.delete(&args.place.to_string()).await;
    deleted.with_context(|| args.place.short())?;
    out::note(format_args!(
        "{} is unbound, and its content dropped",
        args.place.short()
    ));
    Ok(())
}

/// `bindery bindings`
pub(in crate::cli) async fn list(mut args: BindingsArgs) -> anyhow::Result<()> {
    let reach = std::mem::take(&mut args.listing.common.reach);
    let api = reach.connect().await?;
    let orgs = match args.org {
        Some(org) => vec![org],
        None => organizations(&api).await?,
    };
    let queries = orgs.iter().map(|org| {
        args.listing
            .query(format!("/orgs/{}/bindings", super::api::encode(org)))
            .with("project", args.project.as_ref())
            .with("status", args.status)
            .with("repository", args.repository.as_ref())
    });
    args.listing.print::<Binding>(api.lists(queries)).await
}

/// The slugs of all that the token sees.
pub(super) async fn organizations(api: &Api) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Slugged {
        slug: String,
    }
    let items = api.list(Query::of("/orgs").paged(None)).all().await?;
    let read = |item| read::<Slugged>(item).map(|org| org.slug);
    items.into_iter().map(read).collect()
}

/// All bindings of an organisation and its projects.
pub(super) async fn of_organization(org: &str, api: &Api) -> anyhow::Result<Vec<Binding>> {
    let query = Query::of(format!("/orgs/{}/bindings", super::api::encode(org)));
    let items = api.list(query.paged(None)).all().await?;
    items.into_iter().map(read).collect()
}

pub(super) async fn find(place: &BindingPlace, api: &Api) -> anyhow::Result<Value> {
    let found = api.get(&place.to_string()).await;
    found.with_context(|| place.short())
}

/// `bindery get`
pub(in crate::cli) async fn get(args: GetArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let binding = find(&args.place, &api).await?;
    args.common.output.say_one::<Binding>(binding)
}
