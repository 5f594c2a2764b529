use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::config::{Config, Flags, HttpConfig, Sources};

/// A live service answers at once; one that does not for this long is not live.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// What to ask. Otherwise the service that has the settings of this environment.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

/// `bindery healthcheck`
pub(super) async fn run(args: HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let url = match args.url {
        Some(url) => url,
        None => livez(&Config::load(&Sources::process(args.flags))?.http),
    };
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let answer = client.build()?.get(&url).send().await;
    let status = answer
        .with_context(|| format!("no answer from {url}"))?
        .status();
    ensure!(status.is_success(), "{url} answered {status}");
    Ok(ExitCode::SUCCESS)
}

/// By the address listened on, whatever the public URL is: that may lead through a proxy.
fn livez(http: &HttpConfig) -> String {
    let local = HttpConfig {
        public_url: None,
        ..http.clone()
    };
    format!("{}/livez", local.base_url(http.listen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_the_address_that_the_service_listens_on() {
        let variable = |name: &str| match name {
            "BINDERY_LISTEN" => Some("0.0.0.0:9000".into()),
            "BINDERY_PATH_PREFIX" => Some("/docverse".into()),
            "BINDERY_PUBLIC_URL" => Some("https://bindery.example".into()),
            _ => None,
        };
        let config =
            Config::load(&Sources::new(Flags::default(), variable)).expect("good settings");
        assert_eq!(livez(&config.http), "http://127.0.0.1:9000/docverse/livez");
    }
}
