//! `apply`: the service is made to be as a file says.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;

use super::api::Api;
use super::binding;
use super::document::{Document, Organization};
use super::plan::{Plan, Step, There, Verb};
use super::print::{Common, Format};
use super::progress::Progress;
use crate::cli::out;

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArgs {
    /// The file, as `bindery export` writes it; - is standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Also delete the bindings and projects of the organisations in the file that it does not name. Other
    /// organisations are left alone, and none is deleted.
    #[arg(long)]
    prune: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

/// `bindery apply`
pub(in crate::cli) async fn run(args: ApplyArgs) -> anyhow::Result<()> {
    let text = text(&args.file)?;
    let wanted = Document::parse(&text)
        .with_context(|| format!("{} cannot be used", args.file.display()))?;
    let api = args.common.reach.connect().await?;
    let there = look(&wanted, &api).await?;
    let plan = Plan::new(&wanted, &there, args.prune)?;
    if args.common.output != Format::Table || !plan.steps.is_empty() {
        let items: Result<Vec<_>, _> = plan.steps.iter().map(serde_json::to_value).collect();
        args.common.output.say_list::<Step>(items?)?;
    }
    let failed = match args.dry_run {
        true => Vec::new(),
        false => carry_out(&plan, &api).await,
    };
    sum_up(&plan, args.dry_run);
    for (place, error) in &failed {
        out::note(format_args!("{place}: {error:#}"));
    }
    let (failed, steps) = (failed.len(), plan.steps.len());
    ensure!(failed == 0, "{failed} of {steps} changes could not be made");
    Ok(())
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(text)
}

/// What the organisations that the file names have now.
async fn look(wanted: &Document, api: &Api) -> anyhow::Result<There> {
    let mut there = There::default();
    for org in wanted.organizations.keys() {
        let Some(found) = Organization::find(org, api).await? else {
            continue;
        };
        there.document.organizations.insert(org.clone(), found);
        there.called.append(&mut called_now(org, api).await?);
    }
    Ok(there)
}

async fn called_now(org: &str, api: &Api) -> anyhow::Result<BTreeMap<String, String>> {
    let bindings = binding::of_organization(org, api).await?;
    let called = bindings.iter().filter_map(|binding| {
        let now = binding.repository.as_ref()?;
        Some((binding.place(), format!("{}/{}", now.owner, now.name)))
    });
    Ok(called.collect())
}

/// As far as it goes: what cannot be done keeps nothing else from being done.
async fn carry_out(plan: &Plan, api: &Api) -> Vec<(String, anyhow::Error)> {
    let progress = Progress::new(plan.steps.len());
    let mut failed = Vec::new();
    for step in &plan.steps {
        progress.doing(&step.place);
        let done = match step.verb {
            Verb::Make | Verb::Change => api.put(&step.path, &step.body).await.map(drop),
            Verb::Delete => api.delete(&step.path).await,
        };
        if let Err(failure) = done {
            failed.push((step.place.clone(), failure.into()));
        }
        progress.advance();
    }
    failed
}

fn sum_up(plan: &Plan, dry_run: bool) {
    let count = |verb| plan.steps.iter().filter(|step| step.verb == verb).count();
    let (make, change, delete) = (count(Verb::Make), count(Verb::Change), count(Verb::Delete));
    let so = match dry_run {
        true => "nothing was done; to do:",
        false => "asked for:",
    };
    out::note(format_args!(
        "{so} {make} to make, {change} to change, {delete} to delete; {} bindings are as they should be",
        plan.as_they_are
    ));
}
