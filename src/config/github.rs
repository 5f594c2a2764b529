use url::Url;

use super::reader::{Reader, Scope};
use super::setting::{Section, settings};
use super::value::{Fault, Value};
use crate::github::PrivateKeyPem;
use crate::github::client::host_of;
use crate::github::ids::AppId;
use crate::github::signature::WebhookSecret;

settings! {
    /// A GitHub App. The environment has one; the file may list more, for this host and for
    /// others, one `[[github]]` table each.
    struct AppSettings in "github" {
        /// Where GitHub's API is: `https://HOST/api/v3` for an Enterprise Server.
        api_url: Url = value "https://api.github.com", "GITHUB_API_URL";
        /// The App's id, on its settings page.
        app_id: Option<AppId> = optional "no App: webhooks are answered 503", "GITHUB_APP_ID";
        /// The private key that GitHub made for the App: PEM, RSA, at least 2048 bits.
        private_key: Option<PrivateKeyPem> = optional "no App", "GITHUB_APP_PRIVATE_KEY";
        /// The key before it, used when GitHub refuses the first, so that it can be rotated.
        private_key_previous: Option<PrivateKeyPem> = optional "one key",
            "GITHUB_APP_PRIVATE_KEY_PREVIOUS";
        /// The App's webhook secret, at least 16 bytes.
        webhook_secret: Option<WebhookSecret> = optional "no App", "GITHUB_WEBHOOK_SECRET";
        /// The secret before it, accepted until it is taken out, so that it can be rotated.
        webhook_secret_previous: Option<WebhookSecret> = optional "one secret",
            "GITHUB_WEBHOOK_SECRET_PREVIOUS";
        /// What this process asks of one installation at most in a minute. github.com answers no more
        /// than 900, of all processes together; an Enterprise Server has the limits that its
        /// administrator set.
        requests_per_minute: u32 = value "900", "GITHUB_REQUESTS_PER_MINUTE",
            from "60" to "1000000";
    }
}

/// An App with all that is needed to receive its deliveries and to call GitHub in its name.
#[derive(Debug, Clone)]
pub struct GitHubAppConfig {
    pub api_url: Url,
    /// What its repositories' identities are kept with: ids are unique on one host only.
    pub host: String,
    pub app_id: AppId,
    pub private_key: PrivateKeyPem,
    pub previous_private_key: Option<PrivateKeyPem>,
    pub webhook_secret: WebhookSecret,
    pub previous_webhook_secret: Option<WebhookSecret>,
    /// Of one installation.
    pub requests_per_minute: u32,
}

/// The complete Apps, the environment's first, and the settings that the others lack.
pub(super) fn read(reader: &mut Reader<'_>) -> (Vec<GitHubAppConfig>, Vec<String>) {
    let tables = reader.tables(AppSettings::NAME);
    let scope = Scope::environment(AppSettings::NAME);
    let from_environment: AppSettings = reader.section_in(scope);
    let mut missing = Vec::new();
    let mut apps = Vec::new();
    // Without an App anywhere, the environment's settings are the ones to name.
    if tables.is_empty() || from_environment.is_begun() {
        missing.extend(
            from_environment
                .missing()
                .map(|(_, variable)| variable.to_owned()),
        );
        apps.extend(from_environment.complete());
    }
    for (index, table) in tables.into_iter().enumerate() {
        let label = format!("{}#{}", AppSettings::NAME, index + 1);
        let settings: AppSettings = reader.section_in(Scope::table(table, label));
        missing.extend(settings.missing().map(|(key, _)| reader.place(key)));
        apps.extend(settings.complete());
    }
    refuse_twins(reader, &apps);
    (apps, missing)
}

impl AppSettings {
    /// Whether someone meant to configure an App here. The URL alone does not say so: GitHub
    /// Actions sets it in every job.
    fn is_begun(&self) -> bool {
        self.app_id.is_some()
            || self.private_key.is_some()
            || self.private_key_previous.is_some()
            || self.webhook_secret.is_some()
            || self.webhook_secret_previous.is_some()
    }

    /// The key in a table, and the variable, of each setting that an App must have.
    fn missing(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let required = [
            (self.app_id.is_none(), "app_id", "GITHUB_APP_ID"),
            (
                self.private_key.is_none(),
                "private_key",
                "GITHUB_APP_PRIVATE_KEY",
            ),
            (
                self.webhook_secret.is_none(),
                "webhook_secret",
                "GITHUB_WEBHOOK_SECRET",
            ),
        ];
        let missing = required.into_iter().filter(|(is_missing, ..)| *is_missing);
        missing.map(|(_, key, variable)| (key, variable))
    }

    /// `None` while something is missing.
    fn complete(self) -> Option<GitHubAppConfig> {
        Some(GitHubAppConfig {
            host: host_of(&self.api_url),
            api_url: self.api_url,
            app_id: self.app_id?,
            private_key: self.private_key?,
            previous_private_key: self.private_key_previous,
            webhook_secret: self.webhook_secret?,
            previous_webhook_secret: self.webhook_secret_previous,
            requests_per_minute: self.requests_per_minute,
        })
    }
}

fn refuse_twins(reader: &mut Reader<'_>, apps: &[GitHubAppConfig]) {
    for (index, app) in apps.iter().enumerate() {
        let same = |other: &GitHubAppConfig| (&other.host, other.app_id) == (&app.host, app.app_id);
        if apps[..index].iter().any(same) {
            reader.problem(format!(
                "App {} of {} is configured twice: remove one of them",
                app.app_id, app.host
            ));
        }
    }
}

impl Value for PrivateKeyPem {
    const EXPECTED: &'static str = "the App's private key in PEM";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|error| Fault::Explained(error.to_string()))
    }

    fn show(&self) -> String {
        "(set)".to_owned()
    }
}

impl Value for WebhookSecret {
    const EXPECTED: &'static str = "a secret of at least 16 bytes";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::new(text).map_err(|error| Fault::Explained(error.to_string()))
    }

    fn show(&self) -> String {
        "(set)".to_owned()
    }
}
