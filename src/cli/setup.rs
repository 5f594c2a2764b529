//! `bindery setup`: registers a GitHub App, and leaves what `serve` needs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::out::Output;
use super::signals::Signals;
use super::{doctor, out, typed};
use crate::clock::Clock;
use crate::config::{Flags, Sources};
use crate::doctor::Options;
use crate::github::client::{Registered, convert};
use crate::github::signature::WebhookSecret;
use crate::github::{GitHub, GitHubConfig, PrivateKeyPem};
use crate::setup::{
    Door, Folder, MAX_NAME, Site, Webhook, Wish, new_secret, new_state, read_pasted,
};

/// GitHub wants the whole flow to be done in it.
const HOUR: Duration = Duration::from_secs(3600);
/// For `--wait`.
const UNTIL_INSTALLED: Duration = Duration::from_secs(15 * 60);
const LOOK: Duration = Duration::from_secs(2);
/// For a browser to be told that it can be closed.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    /// Where GitHub shall send its deliveries: https://YOUR-HOST/webhooks/github
    #[arg(long, value_name = "URL")]
    webhook_url: Webhook,
    /// The organisation that shall own the App. Otherwise you do.
    #[arg(long, value_name = "NAME", value_parser = organization)]
    organization: Option<String>,
    /// What the App is called on GitHub; no other App there may be called so.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Let others install the App, too.
    #[arg(long)]
    public: bool,
    /// An Enterprise Server's name. [default: github.com]
    #[arg(long, value_name = "HOST", value_parser = Site::of_host)]
    host: Option<Site>,
    /// Where GitHub's API is, for one that is found by no name: a simulator's.
    #[arg(
        long,
        value_name = "URL",
        env = "GITHUB_API_URL",
        hide_env_values = true
    )]
    api_url: Option<Url>,
    /// Where the settings and the secrets are written.
    #[arg(long, value_name = "PATH", default_value = ".")]
    folder: PathBuf,
    /// Put settings and secrets that are there aside.
    #[arg(long)]
    force: bool,
    /// Wait until the App is installed somewhere.
    #[arg(long)]
    wait: bool,
}

/// As GitHub allows them; it stands in a path.
fn organization(text: &str) -> Result<String, &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err("letters, digits and hyphens"),
    }
}

fn name(text: &str) -> Result<String, String> {
    match (1..=MAX_NAME).contains(&text.chars().count()) {
        true => Ok(text.to_owned()),
        false => Err(format!("1 to {MAX_NAME} characters")),
    }
}

/// `bindery setup`
pub(super) async fn run(args: SetupArgs) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = set_up(args) => done,
        () = signals.next() => bail!("stopped"),
    }
}

async fn set_up(args: SetupArgs) -> anyhow::Result<ExitCode> {
    let folder = Folder::prepare(&args.folder, args.force)?;
    let site = args.site();
    let app = register(&args, &site).await?;
    let github = client(&app, &site)?;
    let secret = secret_of(&app, &github).await?;
    let written = folder.write(&app, &secret, &site, &args.webhook_url)?;
    out::say(format_args!(
        "Registered {} (App {}).\nWritten: {} and {}/, for this user alone.\n\n\
         Install it on what is to be bound: {}/installations/new\n",
        app.name,
        app.id,
        written.settings.display(),
        written.secrets.display(),
        app.html_url
    ))?;
    if std::env::var_os("BINDERY_CONFIG").is_some() {
        out::say("BINDERY_CONFIG is set: that file is read, and this one is not, while it is.\n")?;
    }
    let installed = args.wait && is_installed(&github).await?;
    let sources = Sources::process(Flags::default()).in_folder(&args.folder);
    let options = Options::before_start(installed);
    let code = doctor::report(&sources, &options, Output::Text).await?;
    out::say(format_args!(
        "\nNext, where {} is: `bindery serve`; then `bindery doctor` looks at the rest.",
        written.settings.display()
    ))?;
    Ok(code)
}

impl SetupArgs {
    fn site(&self) -> Site {
        let github = || Site::of_host("github.com").expect("it is a server's name");
        let of_api = self.api_url.clone().map(Site::of_api);
        self.host.clone().or(of_api).unwrap_or_else(github)
    }

    fn wish(&self) -> Wish {
        let made_up = || format!("bindery-{}", hex::encode(rand::random::<[u8; 4]>()));
        Wish {
            name: self.name.clone().unwrap_or_else(made_up),
            webhook: self.webhook_url.clone(),
            public: self.public,
        }
    }
}

/// Has a person confirm it at GitHub, here or anywhere, and fetches what came of it.
async fn register(args: &SetupArgs, site: &Site) -> anyhow::Result<Registered> {
    let state = new_state();
    let post_to = site.new_app(args.organization.as_deref(), &state);
    let mut door = Door::open(&args.wish(), &post_to, &state)?;
    out::say(format_args!(
        "Open this in a browser, and confirm at GitHub:\n\n    http://{}/\n\n\
         With a browser on another machine, open this there, and paste here the address that GitHub leads to in the end\n\
         (that page will not load; its address is what counts):\n\n    data:text/html;base64,{}\n",
        door.address,
        STANDARD.encode(&door.page)
    ))?;
    let code = timeout(HOUR, code(&mut door, &state)).await;
    let code = code.context("nobody confirmed it within an hour: begin again")??;
    // Whoever came by the browser is told that all is well.
    let _ = timeout(LAST_WORDS, door.shut()).await;
    Ok(convert(&site.api_url, &code).await?)
}

/// By the browser, or by hand; the end of what is typed ends nothing.
async fn code(door: &mut Door, state: &str) -> anyhow::Result<String> {
    let mut lines: mpsc::Receiver<String> = typed::lines();
    loop {
        tokio::select! {
            code = door.code() => return code.context("the page's server has died"),
            Some(line) = lines.recv() => {
                if !line.trim().is_empty() {
                    return Ok(read_pasted(&line, state)?);
                }
            }
        }
    }
}

fn client(app: &Registered, site: &Site) -> anyhow::Result<GitHub> {
    let key = PrivateKeyPem::parse(app.pem.expose_secret())?;
    let config = GitHubConfig::new(site.api_url.clone(), app.id, key);
    Ok(GitHub::new(config, Clock::system())?)
}

/// GitHub's, or one that GitHub is told: a server may make none, or one that could be guessed.
async fn secret_of(app: &Registered, github: &GitHub) -> anyhow::Result<SecretString> {
    let is_strong = |secret: &&SecretString| WebhookSecret::new(secret.expose_secret()).is_ok();
    if let Some(secret) = app.webhook_secret.as_ref().filter(is_strong) {
        return Ok(secret.clone());
    }
    let secret = new_secret();
    let told = github.set_hook_secret(&secret).await;
    told.context("the App is registered, and its webhook got no secret: delete it at GitHub, and begin again")?;
    Ok(secret)
}

async fn is_installed(github: &GitHub) -> anyhow::Result<bool> {
    out::say("Waiting until it is installed …\n")?;
    let deadline = Instant::now() + UNTIL_INSTALLED;
    while Instant::now() < deadline {
        let page = github.installations(1).await?;
        if !page.installations.is_empty() {
            return Ok(true);
        }
        sleep(LOOK).await;
    }
    Ok(false)
}
