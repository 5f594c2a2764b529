//! `bindery explain`: straight to the database, as whoever may read that.

use std::process::ExitCode;

use clap::{ArgGroup, Args};

use super::out::Output;
use super::{logging, out, tables};
use crate::clock::Clock;
use crate::config::{Config, Flags, Sources};
use crate::db::Db;
use crate::explain::{self, BindingPlace, Explanation, Options, Question, Sought};
use crate::git::Oid;

/// Nothing is known of what was asked about.
const NOT_KNOWN: u8 = 1;

/// It could not be looked at, so nothing is said.
const NO_ANSWER: u8 = 2;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["guid", "repository", "binding"])))]
pub(super) struct ExplainArgs {
    /// A delivery's GUID: X-GitHub-Delivery, as in the App's "Recent deliveries".
    #[arg(value_name = "GUID")]
    guid: Option<String>,
    /// The repository that was pushed to, by its name or GitHub's numeric id.
    #[arg(long, value_name = "OWNER/NAME", requires = "commit")]
    repository: Option<Sought>,
    /// The commit that was pushed, in full.
    #[arg(long, value_name = "SHA", requires = "repository", value_parser = commit)]
    commit: Option<Oid>,
    /// The binding that should have it, by its place: acme/site, or /orgs/acme/bindings/site.
    #[arg(long, value_name = "PLACE")]
    binding: Option<BindingPlace>,
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    flags: Flags,
}

fn commit(text: &str) -> Result<Oid, String> {
    let oid = text.to_ascii_lowercase().parse::<Oid>();
    oid.map_err(|error| format!("{error} (`git rev-parse` gives the whole sha)"))
}

/// `bindery explain`
pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let output = args.output;
    let explanation = match look(args).await {
        Ok(explanation) => explanation,
        Err(error) => {
            out::complain(&error);
            return Ok(NO_ANSWER.into());
        }
    };
    output.say(&explanation)?;
    Ok(if explanation.known {
        ExitCode::SUCCESS
    } else {
        NOT_KNOWN.into()
    })
}

async fn look(mut args: ExplainArgs) -> anyhow::Result<Explanation> {
    let config = Config::load(&Sources::process(std::mem::take(&mut args.flags)))?;
    logging::start(&config.log);
    let mut settings = config.database.settings();
    settings.pool_size = 1;
    let db = Db::open_to_look(&settings).await?;
    let mut conn = db.read().await?;
    tables::check(&mut conn).await?;
    let question = match (args.guid, args.repository, args.commit, args.binding) {
        (Some(guid), ..) => Question::Delivery(guid),
        (None, Some(repository), Some(commit), _) => Question::Commit { repository, commit },
        (.., Some(place)) => match place.find(&mut conn).await? {
            Some(binding) => Question::Binding(binding),
            None => return Ok(Explanation::no_such_binding(&place.to_string())),
        },
        _ => anyhow::bail!("nothing was asked for"),
    };
    let (options, now) = (Options::of(&config), Clock::system().now());
    Ok(explain::explain(&question, &options, now, &mut conn).await?)
}
