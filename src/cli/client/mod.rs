//! The commands over the API of a running service; without one, over that of this machine's database.
//!
//! `reach` says whom they ask, `api` asks, `failure` tells why it was not done, `print` shows what came of it.

mod api;
mod apply;
mod audit;
mod binding;
mod delivery;
mod diff;
mod document;
mod export;
mod failure;
mod file;
mod files;
mod healing;
mod job;
mod local;
mod plan;
mod print;
mod progress;
mod reach;
mod sync;
mod table;
mod tenancy;
mod token;
mod when;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Bind a place to a repository, a ref and a path: its content follows from then on.
    ///
    /// `bindery bind acme/site octo/templates@main:/themes/default`. To ask for what is bound already changes
    /// nothing.
    Bind(binding::BindArgs),
    /// Undo a binding, and drop its content.
    Unbind(binding::UnbindArgs),
    /// List what is bound, and how it does.
    Bindings(binding::BindingsArgs),
    /// Show a binding.
    Get(binding::GetArgs),
    /// List the files that a binding serves.
    Files(files::FilesArgs),
    /// Print a file that a binding serves, byte for byte.
    Cat(files::CatArgs),
    /// Compare what a binding serves with what GitHub has now.
    ///
    /// Exits with status 0 if they are the same, with 1 if they differ, with 2 if they could not be compared.
    Diff(diff::DiffArgs),
    /// Have bindings synced now.
    Sync(sync::SyncArgs),
    /// List what GitHub sent, the newest first.
    Deliveries(delivery::DeliveriesArgs),
    /// Show a delivery, and why it did or did not concern each binding.
    Delivery(delivery::DeliveryArgs),
    /// Have deliveries processed again.
    Replay(delivery::ReplayArgs),
    /// List jobs, the newest first.
    Jobs(job::JobsArgs),
    /// Show a job, and what befell it.
    Job(job::JobArgs),
    /// Have jobs tried again, now.
    Retry(job::JobIdsArgs),
    /// Call jobs off.
    Cancel(job::JobIdsArgs),
    /// Organisations: list them; `put` and `delete` one.
    Orgs(tenancy::OrgsArgs),
    /// Projects: list them; `put` and `delete` one.
    Projects(tenancy::ProjectsArgs),
    /// Which organisation may bind the repositories of which installation: list; `put` and `delete` one.
    Grants(tenancy::GrantsArgs),
    /// Tokens: list them; `create` one, `revoke` some.
    Tokens(token::TokensArgs),
    /// List what was done and what was refused, the newest first.
    Audit(audit::AuditArgs),
    /// List what is done without being told: when it ran, what it found and healed.
    Healing(healing::HealingArgs),
    /// Print organisations, projects and bindings as a file for `apply`.
    Export(export::ExportArgs),
    /// Make organisations, projects and bindings as a file says.
    ///
    /// What is so already is left alone. What the file does not name is left alone too, unless --prune is given.
    Apply(apply::ApplyArgs),
}

pub(super) async fn run(command: ClientCommand) -> anyhow::Result<ExitCode> {
    let done = match command {
        ClientCommand::Diff(args) => return diff::run(args).await,
        ClientCommand::Bind(args) => binding::bind(args).await,
        ClientCommand::Unbind(args) => binding::unbind(args).await,
        ClientCommand::Bindings(args) => binding::list(args).await,
        ClientCommand::Get(args) => binding::get(args).await,
        ClientCommand::Files(args) => files::list(args).await,
        ClientCommand::Cat(args) => files::cat(args).await,
        ClientCommand::Sync(args) => sync::run(args).await,
        ClientCommand::Deliveries(args) => delivery::list(args).await,
        ClientCommand::Delivery(args) => delivery::get(args).await,
        ClientCommand::Replay(args) => delivery::replay(args).await,
        ClientCommand::Jobs(args) => job::list(args).await,
        ClientCommand::Job(args) => job::get(args).await,
        ClientCommand::Retry(args) => job::retry(args).await,
        ClientCommand::Cancel(args) => job::cancel(args).await,
        ClientCommand::Orgs(args) => tenancy::orgs(args).await,
        ClientCommand::Projects(args) => tenancy::projects(args).await,
        ClientCommand::Grants(args) => tenancy::grants(args).await,
        ClientCommand::Tokens(args) => token::run(args).await,
        ClientCommand::Audit(args) => audit::run(args).await,
        ClientCommand::Healing(args) => healing::run(args).await,
        ClientCommand::Export(args) => export::run(args).await,
        ClientCommand::Apply(args) => apply::run(args).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}
