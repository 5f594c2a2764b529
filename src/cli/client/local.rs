//! On the machine itself, without a service's URL: the command opens the service's database and serves the
//! API to itself, on a port of the loopback and by a token that nobody else has, for as long as it takes.
//! No worker runs here: what it enqueues is the service's to do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::SecretString;
use url::Url;

use super::api::Api;
use crate::apps::Apps;
use crate::cli::{logging, tables};
use crate::clock::Clock;
use crate::config::{Config, Flags, RolesConfig, Sources};
use crate::context::Context;
use crate::db::Db;
use crate::serve::Http;

/// One that reads and one to spare: a command asks one question after the other.
const CONNECTIONS: usize = 2;

pub(super) async fn open(flags: Flags) -> anyhow::Result<Api> {
    let mut config = Config::load(&Sources::process(flags))?;
    logging::start_quietly(&config.log);
    adapt(&mut config)?;
    let prefix = config.http.path_prefix.to_string();
    let database = config.database.url.redacted();
    let context = context(config)
        .await
        .with_context(|| format!("no service is named (--url), and {database} cannot be used"))?;
    let token: SecretString = hex::encode(rand::random::<[u8; 32]>()).into();
    let http = Http::start_for_command(&context, &token)?;
    let base = format!("http://{}{prefix}", http.address);
    Api::of_this_process(&base, token, http)
}

/// Answers lead to where the service is, though it does not give them.
fn adapt(config: &mut Config) -> anyhow::Result<()> {
    let http = &mut config.http;
    if http.public_url.is_none() {
        let base = http.base_url(http.listen);
        let origin = base.strip_suffix(http.path_prefix.as_str());
        http.public_url = Some(Url::parse(origin.unwrap_or(&base))?);
    }
    http.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.roles = RolesConfig {
        receiver: true,
        worker: false,
    };
    Ok(())
}

async fn context(config: Config) -> anyhow::Result<Context> {
    let mut settings = config.database.settings();
    settings.pool_size = CONNECTIONS;
    let db = Db::open_beside(&settings).await?;
    tables::check(&mut *db.read().await?).await?;
    let clock = Clock::system();
    let apps = Apps::open(&config, &db, &clock).await?;
    Ok(Context {
        config: Arc::new(config),
        db,
        clock,
        apps,
    })
}
