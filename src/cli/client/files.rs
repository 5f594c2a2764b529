//! `files` and `cat`: what a binding serves.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;

use super::api::encode;
use super::print::{Common, Listing, Row};
use super::table::Cell;
use crate::cli::out;
use crate::explain::BindingPlace;

#[derive(Debug, Args)]
pub(in crate::cli) struct FilesArgs {
    /// The binding: acme/site, or acme/docs/site in a project.
    place: BindingPlace,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CatArgs {
    /// The binding: acme/site, or acme/docs/site in a project.
    place: BindingPlace,
    /// The file, as listed: css/site.css.
    path: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
struct File {
    path: String,
    mode: String,
    size: u64,
    sha: String,
    skipped: Option<String>,
}

impl Row for File {
    const HEADER: &'static [&'static str] = &["mode", "size", "sha", "path"];

    fn cells(self, _: DateTime<Utc>) -> Vec<Cell> {
        let path = match &self.skipped {
            Some(what) => format!("{} ({what}, not followed)", self.path),
            None => self.path,
        };
        vec![
            self.mode.into(),
            self.size.into(),
            Cell::sha(Some(&self.sha)),
            path.into(),
        ]
    }
}

/// `bindery files`
pub(in crate::cli) async fn list(mut args: FilesArgs) -> anyhow::Result<()> {
    let reach = std::mem::take(&mut args.listing.common.reach);
    let api = reach.connect().await?;
    let query = args.listing.query(format!("{}/files", args.place));
    let pages = api.list(query).within("files");
    let printed = args.listing.print::<File>(pages).await;
    printed.with_context(|| args.place.short())
}

/// `bindery cat`: the bytes as they are.
pub(in crate::cli) async fn cat(args: CatArgs) -> anyhow::Result<()> {
    let path = args.path.trim_start_matches('/');
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    ensure!(
        path.split('/').all(is_plain),
        "{}: a path is written as it is listed, such as css/site.css",
        args.path
    );
    let api = args.common.reach.connect().await?;
    let url = format!("{}/files/{}", args.place, encode(path));
    let answered = api.raw(Method::GET, &url, None).await;
    let mut response = answered.with_context(|| format!("{}:{path}", args.place.short()))?;
    while let Some(bytes) = response.chunk().await? {
        out::write(&bytes)?;
    }
    Ok(())
}
