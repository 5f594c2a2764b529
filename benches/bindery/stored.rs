//! What is measured among much that is stored.

use crate::database::Engine;
use crate::growth::Growth;
use crate::jobs::Jobs;
use crate::matching::Matching;
use crate::options::{Options, Section};
use crate::run::Bench;

pub async fn measure(bench: &Bench, options: &Options) -> anyhow::Result<Vec<Growth>> {
    let mut growths = Vec::new();
    for engine in options.engines() {
        if options.wants(Section::D) {
            growths.push(matching(bench, options, engine).await?);
        }
        if options.wants(Section::E) {
            growths.extend(jobs(bench, options, engine).await?);
        }
    }
    Ok(growths)
}

async fn matching(bench: &Bench, options: &Options, engine: Engine) -> anyhow::Result<Growth> {
    let mut matching = Matching::prepare(bench, options, engine).await?;
    for _ in 0..options.rounds() {
        matching.round(bench, options).await?;
    }
    matching.end(bench).await
}

async fn jobs(bench: &Bench, options: &Options, engine: Engine) -> anyhow::Result<[Growth; 2]> {
    let mut jobs = Jobs::prepare(bench, options, engine).await?;
    for _ in 0..options.rounds() {
        jobs.round(bench).await?;
    }
    jobs.end(bench).await
}
