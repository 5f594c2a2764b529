//! What an operator runs, and gets wrong.

use super::service::{Settings, run};
use super::{Canary, NEW_SECRET, PASSWORD};
use crate::support::KEY;

const NO_ID: &str = "12x";

impl Canary {
    pub(super) async fn run_commands(&mut self) {
        let good = self.settings.clone();
        for arguments in [
            &["config", "show"][..],
            &["config", "show", "-o", "json"],
            &["serve", "--help"],
            &["openapi"],
        ] {
            let said = run(arguments, &good).await;
            self.told.push((arguments.join(" "), said));
        }
        let cut = &KEY[..KEY.len() / 2];
        let unreachable = format!("postgres://ann:{PASSWORD}@127.0.0.1:1/db");
        let queried = format!("postgres://ann@127.0.0.1:1/db?password={PASSWORD}&sslmode=nonsense");
        let slash = format!("postgres:/ann:{PASSWORD}@127.0.0.1/db");
        let words = format!("host=127.0.0.1 user=ann password={PASSWORD}");
        let url = format!("https://ann:{PASSWORD}@api.example");
        for (name, value) in [
            ("GITHUB_APP_PRIVATE_KEY", cut),
            ("GITHUB_APP_PRIVATE_KEY", &NEW_SECRET[..14]),
            ("GITHUB_APP_PRIVATE_KEY_PREVIOUS", NEW_SECRET),
            ("GITHUB_APP_ID", NO_ID),
            ("GITHUB_API_URL", &url),
            ("BINDERY_ADMIN_TOKEN_FILE", "/nowhere"),
            ("DATABASE_URL", &unreachable),
            ("DATABASE_URL", &queried),
            ("DATABASE_URL", &slash),
            ("DATABASE_URL", &words),
        ] {
            let mut bad = good.clone();
            bad.retain(|(other, _)| *other != name);
            bad.push((name, value.to_owned()));
            for command in [&["migrate"][..], &["config", "show"]] {
                let said = run(command, &bad).await;
                self.told
                    .push((format!("{command:?} with a bad {name}"), said));
            }
        }
        let said = run(
            &["migrate", "--database-url", &unreachable],
            &Settings::new(),
        )
        .await;
        self.told.push(("migrate by a flag".into(), said));
    }
}
