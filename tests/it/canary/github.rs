//! What GitHub does: other secrets, other keys, and answers that repeat what it was asked with.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bindery::github::ids::RepositoryId;
use bindery::simulator::{Change, Fault, Route, Selection, Simulator};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{Canary, LEAKED, NEW_SECRET, OTHER_KEY, PATIENCE};
use crate::support::OCTO;

impl Canary {
    /// Two webhook secrets and two keys at once: what GitHub has changes under the running service.
    pub(super) async fn bind_and_rotate(&mut self) -> RepositoryId {
        let installation = self.github.install(OCTO, Selection::All).await;
        self.api.put("/orgs/acme", json!({})).await.expect(201);
        self.api
            .put(
                &format!("/orgs/acme/installations/{installation}"),
                json!({}),
            )
            .await
            .expect(201);
        let repo = self.github.create_repository(OCTO, "templates").await;
        self.push(repo, "first").await;
        let body = json!({"github_owner": OCTO, "github_repo": "templates"});
        self.api
            .put("/orgs/acme/bindings/site", body)
            .await
            .expect(201);
        self.until_published(repo).await;
        self.github.set_webhook_secret(NEW_SECRET);
        self.github.set_app_keys(&[OTHER_KEY]).expect("a key");
        self.github.revoke_tokens(installation);
        self.push(repo, LEAKED).await;
        self.until_published(repo).await;
        repo
    }

    pub(super) async fn push(&self, repo: RepositoryId, message: &str) {
        let text = format!("{:032x}", rand::random::<u128>());
        let change = |change: Change| change.message(message).write("x/a", &text);
        let pushed = self.github.push(repo, "main", change).await;
        let sent = pushed
            .delivery
            .and_then(|guid| self.github.delivery(&guid).status());
        assert_eq!(sent, Some(202), "signed by a secret that is configured");
    }

    pub(super) async fn until_published(&self, repo: RepositoryId) {
        let begin = Instant::now();
        let head = self.github.head(repo, "main").to_string();
        while self.binding().await["commit_sha"] != head.as_str() {
            assert!(begin.elapsed() < PATIENCE, "{}", self.binding().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Many files come with an archive, whose link has a secret of its own, and goes wrong, too.
    pub(super) async fn hand_out_archives(&self, repo: RepositoryId) {
        let elsewhere = "http://127.0.0.1:9/x.tar.gz?token=AAB";
        let faults = [
            None,
            Some(Fault::on(Route::Codeload).cut()),
            Some(Fault::on(Route::Codeload).status(500)),
            Some(
                Fault::on(Route::Archive)
                    .status(302)
                    .header("location", elsewhere),
            ),
            Some(Fault::on(Route::Archive).status(418).quoting(str::to_owned)),
        ];
        for (round, fault) in faults.into_iter().enumerate() {
            self.github.clear_faults();
            if let Some(fault) = fault {
                self.github.fail(fault);
            }
            let change = |change: Change| {
                (0..80).fold(change, |change, n| {
                    change.write(format!("x/{n}"), format!("{round} {n}"))
                })
            };
            let pushed = self.github.push(repo, "main", change).await;
            assert!(pushed.delivery.is_some());
            self.until_published(repo).await;
        }
        self.github.clear_faults();
        let links = self.github.count(Route::Archive);
        assert!(links >= 5, "{links}");
    }

    /// GitHub repeats what it was asked with, in every spelling, at every step of a sync.
    pub(super) async fn be_quoted(&mut self, repo: RepositoryId) {
        let spellings: [fn(&str) -> String; 5] = [
            str::to_owned,
            |text| STANDARD.encode(text),
            |text| hex::encode(text),
            |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            |text| {
                text.chars()
                    .map(|c| format!("\\u{:04x}", u32::from(c)))
                    .collect()
            },
        ];
        let routes = [Route::Commit, Route::Tree, Route::Blob, Route::Repository];
        for (route, spelling) in routes
            .into_iter()
            .flat_map(|route| spellings.map(|spelling| (route, spelling)))
        {
            self.strike(repo, route, 418, spelling).await;
        }
        for (route, status) in routes
            .into_iter()
            .flat_map(|route| [401, 403, 451, 500].map(|status| (route, status)))
        {
            self.strike(repo, route, status, spellings[0]).await;
        }
        for status in [403, 418, 422, 500] {
            self.strike(
                repo,
                Route::AccessToken,
                status,
                spellings[usize::from(status % 5)],
            )
            .await;
        }
        self.github.clear_faults();
    }

    async fn strike(
        &mut self,
        repo: RepositoryId,
        route: Route,
        status: u16,
        write: fn(&str) -> String,
    ) {
        self.github.clear_faults();
        if route == Route::AccessToken {
            // What it was struck with last may still be followed up: a token that is minted for that, and is revoked
            // before GitHub has answered any request with it, counts as one that GitHub does not know everywhere yet.
            self.push(repo, "well again").await;
            self.until_published(repo).await;
        }
        self.github.take_requests();
        self.github
            .fail(Fault::on(route).times(1).status(status).quoting(write));
        if route == Route::AccessToken {
            self.github
                .revoke_tokens(self.github.installation_on(OCTO).expect("installed"));
        }
        self.push(repo, LEAKED).await;
        let begin = Instant::now();
        let struck = |github: &Simulator| {
            github
                .requests()
                .iter()
                .any(|asked| (asked.route, asked.status) == (route, status))
        };
        while !struck(&self.github) {
            assert!(
                begin.elapsed() < PATIENCE,
                "{route:?} was not asked: {}",
                self.binding().await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.get("/orgs/acme/bindings/site").await;
        self.get("/jobs?limit=1").await;
    }
}
