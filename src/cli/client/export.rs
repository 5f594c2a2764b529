//! `export`: organisations, projects and bindings as a file.

use clap::Args;

use super::document::Document;
use super::print::yaml;
use super::reach::Reach;
use crate::cli::out;
use crate::slug::Slug;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// This organisation alone. Otherwise all that the token sees.
    #[arg(long, value_name = "ORG")]
    org: Option<Slug>,
    #[command(flatten)]
    reach: Reach,
}

/// `bindery export`
pub(in crate::cli) async fn run(args: ExportArgs) -> anyhow::Result<()> {
    let api = args.reach.connect().await?;
    let document = Document::of_service(args.org.as_ref(), &api).await?;
    out::say(yaml(&document)?)
}
