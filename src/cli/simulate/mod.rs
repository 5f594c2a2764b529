//! `bindery simulate`: a GitHub to develop against, offline, that a person plays.

mod key_file;
mod player;
mod verb;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::time::{Instant, Interval, interval_at};

use super::signals::Signals;
use super::{out, typed};
use crate::clock::Clock;
use crate::github::ids::AppId;
use crate::simulator::{Simulator, SimulatorSettings};
use player::Player;
use verb::Verb;

/// Between two pushes that nobody typed.
const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The address of its API.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// The App's id.
    #[arg(long, value_name = "ID", default_value = "1", value_parser = app_id)]
    app_id: AppId,
    /// Where it sends its deliveries.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080/webhooks/github"
    )]
    webhook_url: String,
    /// What it signs them with. Otherwise a secret that is made up and printed.
    #[arg(long, value_name = "SECRET")]
    webhook_secret: Option<String>,
    /// The App's private key. A new one is written there when there is no such file; otherwise it is
    /// written to a file in the folder for temporary files.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A git repository on the disk that it has; can be given several times.
    #[arg(long, value_name = "PATH", default_value = ".")]
    repo: Vec<PathBuf>,
    /// The last commits of each, of which all but the first are left to be pushed.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    commits: u16,
    /// Pushes one commit by itself, so often: `10s`.
    #[arg(long, value_name = "DURATION", value_parser = every)]
    every: Option<Duration>,
}

fn app_id(text: &str) -> Result<AppId, &'static str> {
    let number = text.parse().ok().and_then(AppId::new);
    number.ok_or("an App's id is a number from 1")
}

fn every(text: &str) -> Result<Duration, String> {
    let every = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if every < SHORTEST {
        return Err(format!("at least {SHORTEST:?}"));
    }
    Ok(every)
}

pub(super) async fn run(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let key_file = args.key_file();
    let settings = args.settings(&key_file).await?;
    let secret = settings.webhook_secret.clone();
    let github = Simulator::start(settings).await;
    let github = github.with_context(|| format!("cannot simulate GitHub on {}", args.listen))?;
    let player = Player::begin(github.clone(), &args.repo, args.commits).await?;
    github.set_webhook_url(&args.webhook_url);
    out::say(format_args!(
        "# `bindery serve` uses this GitHub with these variables:\n\
         export GITHUB_API_URL={}\n\
         export GITHUB_APP_ID={}\n\
         export GITHUB_APP_PRIVATE_KEY_FILE='{}'\n\
         export GITHUB_WEBHOOK_SECRET='{secret}'\n\n{}\n\n{}",
        github.url(),
        args.app_id,
        key_file.display(),
        player.repositories(),
        Verb::HELP
    ))?;
    play(player, args.every, signals).await
}

impl SimulateArgs {
    fn key_file(&self) -> PathBuf {
        let name = format!("bindery-simulator-{}.pem", self.listen.port());
        let usual = || std::env::temp_dir().join(name);
        self.key_file.clone().unwrap_or_else(usual)
    }

    async fn settings(&self, key_file: &Path) -> anyhow::Result<SimulatorSettings> {
        let made_up = || hex::encode(rand::random::<[u8; 16]>());
        Ok(SimulatorSettings {
            listen: self.listen,
            app_id: self.app_id,
            app_public_key_pem: key_file::read_or_make(key_file).await?,
            webhook_secret: self.webhook_secret.clone().unwrap_or_else(made_up),
            // Nobody has to be told of how the world began.
            webhook_url: None,
            clock: Clock::system(),
        })
    }
}

/// Does what is typed until it is told to stop. The end of what is typed is not the end of GitHub.
async fn play(
    mut player: Player,
    every: Option<Duration>,
    mut signals: Signals,
) -> anyhow::Result<ExitCode> {
    let mut lines = typed::lines();
    let mut timer = every.map(|every| interval_at(Instant::now() + every, every));
    loop {
        let verb = tokio::select! {
            () = signals.next() => break,
            () = next_of(&mut timer) => Ok(Verb::Push(1)),
            Some(line) = lines.recv() => line.parse(),
        };
        match verb {
            Ok(Verb::Quit) => break,
            Ok(verb) => out::say(player.play(verb).await)?,
            Err(problem) => out::say(problem)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Never comes without a timer.
async fn next_of(timer: &mut Option<Interval>) {
    match timer {
        Some(timer) => drop(timer.tick().await),
        None => std::future::pending().await,
    }
}
