//! `orgs`, `projects` and `grants`: who binds, and from which installations.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Query};
use super::binding;
use super::print::{Common, Listing, Row};
use super::table::Cell;
use crate::cli::out;
use crate::slug::Slug;

/// Without a verb, it lists them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct OrgsArgs {
    #[command(subcommand)]
    verb: Option<OrgVerb>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Subcommand)]
enum OrgVerb {
    /// Make an organisation, or change its title.
    Put(PutOrg),
    /// Delete one that has neither projects nor bindings. Its tokens and grants go with it.
    Delete(DeleteOrg),
}

#[derive(Debug, Args)]
struct PutOrg {
    /// Its name.
    org: Slug,
    /// What people call it. Without, it keeps the title that it has.
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct DeleteOrg {
    /// Its name.
    org: Slug,
    #[command(flatten)]
    common: Common,
}

/// Without a verb, it lists them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct ProjectsArgs {
    #[command(subcommand)]
    verb: Option<ProjectVerb>,
    /// Those of this organisation. Otherwise of all that the token sees.
    #[arg(long, value_name = "ORG")]
    org: Option<Slug>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Subcommand)]
enum ProjectVerb {
    /// Make a project, or change its title.
    Put(PutProject),
    /// Delete one that has no bindings.
    Delete(DeleteProject),
}

#[derive(Debug, Args)]
struct PutProject {
    /// The organisation that it is a part of.
    org: Slug,
    /// Its name.
    project: Slug,
    /// What people call it. Without, it keeps the title that it has.
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct DeleteProject {
    /// The organisation that it is a part of.
    org: Slug,
    /// Its name.
    project: Slug,
    #[command(flatten)]
    common: Common,
}

/// Without a verb, it lists them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct GrantsArgs {
    #[command(subcommand)]
    verb: Option<GrantVerb>,
    /// Those of this organisation. Otherwise of all.
    #[arg(long, value_name = "ORG")]
    org: Option<Slug>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Subcommand)]
enum GrantVerb {
    /// Let an organisation bind the repositories of an installation.
    Put(GrantArgs),
    /// Take that back: what is bound is neither synced nor served from then on, and kept.
    Delete(GrantArgs),
}

#[derive(Debug, Args)]
struct GrantArgs {
    /// The organisation.
    org: Slug,
    /// GitHub's numeric id of the installation.
    installation: i64,
    /// The GitHub that it is of. Otherwise the service's first.
    #[arg(long)]
    host: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// An organisation or a project.
#[derive(Debug, Deserialize)]
struct Titled {
    slug: String,
    /// Of a project.
    #[serde(default)]
    organization: Option<String>,
    title: Option<String>,
    date_created: DateTime<Utc>,
}

impl Row for Titled {
    const HEADER: &'static [&'static str] = &["name", "title", "made"];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        let name = match self.organization {
            Some(org) => format!("{org}/{}", self.slug),
            None => self.slug,
        };
        vec![
            name.into(),
            Cell::maybe(self.title),
            Cell::when(Some(self.date_created), now),
        ]
    }
}

#[derive(Debug, Deserialize)]
struct Grant {
    organization: String,
    github_host: String,
    github_installation_id: i64,
    date_created: DateTime<Utc>,
}

impl Row for Grant {
    const HEADER: &'static [&'static str] = &["organisation", "installation", "on", "granted"];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        vec![
            self.organization.into(),
            self.github_installation_id.into(),
            self.github_host.into(),
            Cell::when(Some(self.date_created), now),
        ]
    }
}

/// `bindery orgs`
pub(in crate::cli) async fn orgs(mut args: OrgsArgs) -> anyhow::Result<()> {
    match args.verb {
        None => {
            let reach = std::mem::take(&mut args.listing.common.reach);
            let api = reach.connect().await?;
            let pages = api.list(args.listing.query("/orgs"));
            args.listing.print::<Titled>(pages).await
        }
        Some(OrgVerb::Put(put)) => {
            let path = format!("/orgs/{}", put.org);
            put_titled(&path, put.title, put.common).await
        }
        Some(OrgVerb::Delete(delete)) => {
            delete_at(&format!("/orgs/{}", delete.org), delete.common).await
        }
    }
}

/// `bindery projects`
pub(in crate::cli) async fn projects(mut args: ProjectsArgs) -> anyhow::Result<()> {
    match args.verb {
        None => {
            let reach = std::mem::take(&mut args.listing.common.reach);
            let api = reach.connect().await?;
            let queries = of_each(args.org, &api).await?.into_iter();
            let queries = queries.map(|org| args.listing.query(format!("{org}/projects")));
            args.listing.print::<Titled>(api.lists(queries)).await
        }
        Some(ProjectVerb::Put(put)) => {
            let path = format!("/orgs/{}/projects/{}", put.org, put.project);
            put_titled(&path, put.title, put.common).await
        }
        Some(ProjectVerb::Delete(delete)) => {
            let path = format!("/orgs/{}/projects/{}", delete.org, delete.project);
            delete_at(&path, delete.common).await
        }
    }
}

/// `bindery grants`
pub(in crate::cli) async fn grants(mut args: GrantsArgs) -> anyhow::Result<()> {
    match args.verb {
        None => {
            let reach = std::mem::take(&mut args.listing.common.reach);
            let api = reach.connect().await?;
            let queries = of_each(args.org, &api).await?.into_iter();
            // These lists have one page.
            let queries = queries.map(|org| Query::of(format!("{org}/installations")));
            args.listing.print::<Grant>(api.lists(queries)).await
        }
        Some(GrantVerb::Put(grant)) => {
            let path = grant.path();
            let api = grant.common.reach.connect().await?;
            let answer = api.put(&path, &json!({})).await;
            let answer = answer.with_context(|| path.clone())?;
            grant.common.output.say_list::<Grant>(vec![answer.json])
        }
        Some(GrantVerb::Delete(grant)) => delete_at(&grant.path(), grant.common).await,
    }
}

impl GrantArgs {
    fn path(&self) -> String {
        let path = format!("/orgs/{}/installations/{}", self.org, self.installation);
        Query::of(path).with("host", self.host.as_ref()).path()
    }
}

/// The path of the one organisation, or those of all that the token sees.
async fn of_each(org: Option<Slug>, api: &Api) -> anyhow::Result<Vec<String>> {
    let orgs = match org {
        Some(org) => vec![org.to_string()],
        None => binding::organizations(api).await?,
    };
    Ok(orgs.iter().map(|org| format!("/orgs/{org}")).collect())
}

/// A `PUT` without a title would take the one that is there.
async fn put_titled(path: &str, title: Option<String>, common: Common) -> anyhow::Result<()> {
    let api = common.reach.connect().await?;
    let there = match title {
        Some(_) => None,
        None => api.find(path).await?,
    };
    let item: Value = match there {
        Some(item) => item,
        None => {
            let answer = api.put(path, &json!({ "title": title })).await;
            answer.with_context(|| path.to_owned())?.json
        }
    };
    common.output.say_list::<Titled>(vec![item])
}

async fn delete_at(path: &str, common: Common) -> anyhow::Result<()> {
    let api = common.reach.connect().await?;
    let deleted = api.delete(path).await;
    deleted.with_context(|| path.to_owned())?;
    out::note(format_args!("{path} is deleted"));
    Ok(())
}
