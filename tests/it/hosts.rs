//! Several GitHubs, and several Apps on one: whatever has the same number elsewhere is another thing.

use std::io::Write as _;
use std::ops::Deref;
use std::time::Duration;

use bindery::clock::Clock;
use bindery::github::ids::{AppId, InstallationId, RepositoryId};
use bindery::github::signature::WebhookSecret;
use bindery::inbox::{self, DeliveryFilter};
use bindery::simulator::{AppSettings, Fault, Guid, Route, Selection, Simulator};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{APP_ID, Either, KEY, OCTO, World, begin, simulator, stories};

/// Of the App on the second GitHub, which has the number and the key of the first.
const TWIN_SECRET: &str = "the secret of the App with the same number";
/// Another App on the first.
const OTHER_APP: i64 = 77;
const OTHER_SECRET: &str = "the secret of the App with another number";

/// A service with two GitHubs, where an `octo` has an installation each. Ids count from the same start.
struct Hosts {
    world: World,
    second: Simulator,
    /// What identities of the second are kept with.
    host: String,
}

impl Deref for Hosts {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Hosts {
    async fn on(either: Either) -> Self {
        let clock = Clock::manual(begin());
        let second = simulator(&clock).await;
        second.set_webhook_secret(TWIN_SECRET);
        second.create_organization(OCTO);
        let file = settings(&second.url(), APP_ID, TWIN_SECRET);
        let path = file.path().to_str().expect("a path in UTF-8");
        let first = simulator(&clock).await;
        let world = World::over(first, clock, either.0, &[("BINDERY_CONFIG", path)]).await;
        second.set_webhook_url(world.api.url("/webhooks/github"));
        let theirs = second.install(OCTO, Selection::All).await;
        assert_eq!(theirs, world.installation, "the numbers are the same");
        world.settle().await;
        let url = second.url();
        let (_, host) = url.split_once("//").expect("a URL");
        Self {
            host: host.to_owned(),
            world,
            second,
        }
    }

    /// A repository on each, of one name, one owner and one id.
    async fn twins(&self) -> RepositoryId {
        let id = self
            .world
            .repository("templates", &[("a", "of the first")])
            .await;
        let twin = self.second.create_repository(OCTO, "templates").await;
        assert_eq!(twin, id, "the numbers are the same");
        assert_eq!(self.second.owner_of(twin), self.world.github.owner_of(id));
        self.push_to_second(twin, "of the second").await;
        self.settle().await;
        id
    }

    async fn push_to_second(&self, id: RepositoryId, text: &str) -> Guid {
        let pushed = self
            .second
            .push(id, "main", |change| change.write("a", text.as_bytes()));
        pushed.await.delivery.expect("a delivery")
    }

    async fn bind_second(&self, name: &str) -> Value {
        let on_second = json!({"github_host": self.host});
        self.put_binding(name, "templates", on_second)
            .await
            .expect(201);
        self.settle().await;
        self.binding(name).await
    }

    fn grant_on_second(&self, organization: &str) -> String {
        let installation = self.world.installation;
        format!(
            "/orgs/{organization}/installations/{installation}?host={}",
            self.host
        )
    }

    async fn end(self) {
        self.world.end().await;
        self.second.stop().await;
    }
}

/// A file with one more App.
fn settings(api_url: &str, app: i64, secret: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    let table = format!(
        "[[github]]\napi_url = '{api_url}'\napp_id = {app}\nwebhook_secret = '{secret}'\n\
         private_key = '''{KEY}'''\n"
    );
    file.write_all(table.as_bytes()).expect("room on the disk");
    file
}

/// A service with two Apps on one GitHub, and the handle of the second, which is installed nowhere yet.
async fn two_apps(either: Either) -> (World, Simulator) {
    let clock = Clock::manual(begin());
    let github = simulator(&clock).await;
    let file = settings(&github.url(), OTHER_APP, OTHER_SECRET);
    let path = file.path().to_str().expect("a path in UTF-8");
    let world = World::over(github, clock, either.0, &[("BINDERY_CONFIG", path)]).await;
    let other = world.github.add_app(AppSettings {
        app_id: AppId::new(OTHER_APP).expect("an id"),
        app_public_key_pem: KEY.to_owned(),
        webhook_secret: OTHER_SECRET.to_owned(),
        webhook_url: Some(world.api.url("/webhooks/github")),
    });
    (world, other.expect("a key"))
}

/// Whether `site` is still served by the installation of the first App, which is the one that is granted.
async fn is_served_by_the_first(world: &World) -> bool {
    let binding = world.binding("site").await;
    let of_the_first = binding["github_installation_id"] == world.installation.get();
    of_the_first && binding["access"] == "reachable"
}

/// What was sent, as another App sends it, under the same GUID.
async fn send_as(world: &World, guid: &Guid, app: i64, installation: InstallationId) -> u16 {
    let (headers, body) = world.github.raw(guid);
    let mut payload: Value = serde_json::from_slice(&body).expect("JSON");
    payload["installation"]["id"] = json!(installation);
    let body = payload.to_string().into_bytes();
    let secret = WebhookSecret::new(OTHER_SECRET).expect("a secret");
    let signature = secret.sign(&body);
    let headers: Vec<(String, String)> = headers
        .into_iter()
        .map(|(name, value)| match name.to_ascii_lowercase().as_str() {
            "x-hub-signature-256" => (name, signature.clone()),
            "x-github-hook-installation-target-id" => (name, app.to_string()),
            _ => (name, value),
        })
        .collect();
    world.deliver_raw(&headers, body).await.status.as_u16()
}

/// Host and App of the deliveries with this GUID.
async fn ledger(world: &World, guid: &str) -> Vec<(String, i64)> {
    let filter = DeliveryFilter {
        guid: Some(guid.to_owned()),
        ..DeliveryFilter::default()
    };
    let mut conn = world.context.db.read().await.expect("a connection");
    let rows = inbox::list(&filter, 100, &mut conn)
        .await
        .expect("the ledger");
    let app = |row: &inbox::Delivery| {
        let app = world
            .context
            .apps
            .of_row(row.github_app_id)
            .expect("an App");
        (app.host.clone(), app.app_id.get())
    };
    let mut apps: Vec<_> = rows.iter().map(app).collect();
    apps.sort();
    apps
}

stories! {
    async fn e30_the_same_id_on_another_host_is_another_repository(either: Either) {
        let hosts = Hosts::on(either).await;
        let id = hosts.twins().await;
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(201);
        let first = hosts.bind("first", "templates", json!({})).await;
        let second = hosts.bind_second("second").await;
        for field in ["github_repo_id", "github_owner_id", "github_installation_id"] {
            assert_eq!(first[field], second[field], "{field}");
        }
        assert_eq!(second["github_host"], hosts.host);
        assert_ne!(first["github_host"], second["github_host"]);
        assert_eq!((hosts.count("repositories").await, hosts.count("installations").await), (2, 2));
        assert_eq!(hosts.files("first").await["a"], "of the first");
        assert_eq!(hosts.files("second").await["a"], "of the second");
        // A push on one is the other's business in nothing.
        hosts.asked();
        hosts.push_to_second(id, "of the second, again").await;
        hosts.settle().await;
        assert_eq!(hosts.decisions().await, [("enqueued".into(), "matched_by_id".into())]);
        assert_eq!(hosts.asked(), [], "the first was asked nothing");
        assert_eq!(hosts.files("first").await["a"], "of the first");
        assert_eq!(hosts.files("second").await["a"], "of the second, again");
        assert_eq!(hosts.binding("first").await, first);
        hosts.second.take_requests();
        hosts.push(id, &[("a", "of the first, again")]).await;
        hosts.settle().await;
        assert_eq!(hosts.second.take_requests().len(), 0, "the second was asked nothing");
        assert_eq!(hosts.files("first").await["a"], "of the first, again");
        assert_eq!(hosts.files("second").await["a"], "of the second, again");
        hosts.end().await;
    }

    async fn e30_a_name_on_another_host_is_another_name(either: Either) {
        let hosts = Hosts::on(either).await;
        hosts.put_binding("first", "templates", json!({})).await.expect(201);
        hosts.settle().await;
        let twin = hosts.second.create_repository(OCTO, "templates").await;
        hosts.push_to_second(twin, "of the second").await;
        hosts.settle().await;
        assert_eq!(hosts.decisions().await, [], "unsynced, of this name, and not considered");
        assert_eq!(hosts.last_delivery("push").await.reason.as_deref(), Some("no_binding"));
        hosts.repository("templates", &[("a", "of the first")]).await;
        assert_eq!(hosts.files("first").await["a"], "of the first");
        hosts.end().await;
    }

    async fn e30_a_grant_is_of_one_host(either: Either) {
        let hosts = Hosts::on(either).await;
        hosts.twins().await;
        let second = hosts.bind_second("second").await;
        assert_eq!(second["access"], "not_granted", "the first's grant is not the second's");
        hosts.api.put("/orgs/other", json!({})).await.expect(201);
        let others = hosts.grant_on_second("other");
        hosts.api.put(&others, json!({})).await.expect(201);
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(409);
        hosts.settle().await;
        assert_eq!(hosts.binding("second").await["access"], "not_granted");
        hosts.api.delete(&others).await.expect(204);
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(201);
        hosts.settle().await;
        assert_eq!(hosts.files("second").await["a"], "of the second");
        // Taken back on the first, it stays on the second.
        hosts.bind("first", "templates", json!({})).await;
        hosts.revoke(hosts.installation).await;
        hosts.settle().await;
        assert_eq!(hosts.binding("first").await["access"], "not_granted");
        assert_eq!(hosts.binding("second").await["access"], "reachable");
        assert_eq!(hosts.files("second").await["a"], "of the second");
        hosts.end().await;
    }

    async fn e30_what_befalls_an_installation_befalls_not_its_twin(either: Either) {
        let hosts = Hosts::on(either).await;
        let id = hosts.twins().await;
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(201);
        hosts.bind("first", "templates", json!({})).await;
        hosts.bind_second("second").await;
        hosts.second.suspend(hosts.installation).await;
        hosts.api.post("/orgs/acme/bindings/second/sync").await.expect(202);
        hosts.settle().await;
        assert_eq!(hosts.binding("second").await["access"], "suspended");
        hosts.push(id, &[("a", "of the first, again")]).await;
        hosts.settle().await;
        assert_eq!(hosts.binding("first").await["access"], "reachable");
        assert_eq!(hosts.files("first").await["a"], "of the first, again");
        hosts.github.rename(id, "themes").await;
        hosts.api.post("/orgs/acme/bindings/first/sync").await.expect(202);
        hosts.settle().await;
        assert_eq!(hosts.binding("first").await["repository"]["name"], "themes");
        assert_eq!(hosts.binding("second").await["repository"]["name"], "templates");
        hosts.end().await;
    }

    async fn e30_one_guid_of_two_hosts_is_two_deliveries(either: Either) {
        let hosts = Hosts::on(either).await;
        let id = hosts.twins().await;
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(201);
        hosts.bind("first", "templates", json!({})).await;
        hosts.bind_second("second").await;
        let guid = hosts.push(id, &[("a", "1")]).await.delivery.unwrap();
        hosts.second.lose_next(1);
        let lost = hosts.push_to_second(id, "2").await;
        // The header is not signed, so the bytes are the second's own.
        let (headers, body) = hosts.second.raw(&lost);
        let renamed = |(name, value): (String, String)| {
            let value = if value == lost.as_str() { guid.to_string() } else { value };
            (name, value)
        };
        let headers: Vec<_> = headers.into_iter().map(renamed).collect();
        for status in ["received", "duplicate"] {
            let answer = hosts.deliver_raw(&headers, body.clone()).await.expect(202);
            assert_eq!(answer.json()["status"], status);
        }
        let first = hosts.binding("first").await["github_host"].as_str().unwrap().to_owned();
        let mut expected = [(first, APP_ID), (hosts.host.clone(), APP_ID)];
        expected.sort();
        assert_eq!(ledger(&hosts, guid.as_str()).await, expected);
        hosts.settle().await;
        assert_eq!(hosts.files("first").await["a"], "1");
        assert_eq!(hosts.files("second").await["a"], "2");
        hosts.end().await;
    }

    async fn e30_a_guid_known_of_one_host_is_still_fetched_from_another(either: Either) {
        let hosts = Hosts::on(either).await;
        let id = hosts.twins().await;
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(201);
        hosts.bind_second("second").await;
        hosts.second.lose_next(1);
        let lost = hosts.push_to_second(id, "2").await;
        let any = hosts.push(id, &[("a", "1")]).await.delivery.unwrap();
        hosts.github.forge(&any, &[("X-GitHub-Delivery", lost.as_str())]).await;
        hosts.settle().await;
        assert_eq!(ledger(&hosts, lost.as_str()).await.len(), 1, "the first host's");
        hosts.pass(Duration::from_secs(300)).await;
        hosts.heal().await;
        assert_eq!(ledger(&hosts, lost.as_str()).await.len(), 2);
        assert_eq!(hosts.files("second").await["a"], "2");
        hosts.end().await;
    }

    async fn another_host_is_another_source(either: Either) {
        let hosts = Hosts::on(either).await;
        hosts.twins().await;
        hosts.api.put(&hosts.grant_on_second("acme"), json!({})).await.expect(201);
        let synced = hosts.bind("site", "templates", json!({})).await;
        let same = hosts.put_binding("site", "templates", json!({"github_host": synced["github_host"]})).await;
        assert_eq!(same.expect(200).json(), synced, "the default, said");
        let moved = hosts.put_binding("site", "templates", json!({"github_host": hosts.host})).await.expect(200).json();
        assert_eq!((&moved["github_host"], &moved["github_repo_id"]), (&json!(hosts.host), &Value::Null));
        assert_eq!(hosts.files("site").await["a"], "of the first", "until the first success");
        hosts.settle().await;
        assert_eq!(hosts.files("site").await["a"], "of the second");
        for unknown in ["evil.example", ""] {
            let answer = hosts.put_binding("site", "templates", json!({"github_host": unknown})).await.expect(422).json();
            assert_eq!(answer["errors"][0]["field"], "github_host");
            let reason = answer["errors"][0]["reason"].as_str().unwrap();
            assert!(reason.contains("GITHUB_API_URL") && reason.contains(&hosts.host), "{reason}");
        }
        hosts.end().await;
    }

    async fn two_apps_on_one_host_share_its_repositories_and_not_their_deliveries(either: Either) {
        let clock = Clock::manual(begin());
        let github = simulator(&clock).await;
        let file = settings(&github.url(), OTHER_APP, OTHER_SECRET);
        let path = file.path().to_str().unwrap();
        let world = World::over(github, clock, either.0, &[("BINDERY_CONFIG", path)]).await;
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let guid = world.push(repo, &[("a", "2")]).await.delivery.unwrap();
        let other = InstallationId::new(999).expect("an id");
        assert_eq!(send_as(&world, &guid, OTHER_APP, other).await, 202);
        let host = world.binding("site").await["github_host"].as_str().unwrap().to_owned();
        assert_eq!(ledger(&world, guid.as_str()).await, [(host.clone(), OTHER_APP), (host, APP_ID)]);
        world.settle().await;
        assert_eq!(world.count("repositories").await, 1);
        let binding = world.binding("site").await;
        assert_eq!(binding["github_installation_id"], world.installation.get(), "what a delivery names is a hint");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn an_app_that_cannot_be_asked_for_a_moment_keeps_its_repository(either: Either) {
        let (world, other) = two_apps(either).await;
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        other.install(OCTO, Selection::All).await;
        world.settle().await;
        world.github.fail(Fault::on(Route::RepositoryInstallation).times(1).status(502));
        world.github.rename(repo, "themes").await;
        world.settle().await;
        world.pass(Duration::from_secs(900)).await;
        assert!(is_served_by_the_first(&world).await);
        assert_eq!(world.binding("site").await["repository"]["name"], "themes");
        world.end().await;
    }

    async fn an_app_whose_list_has_the_repository_does_not_take_it_over(either: Either) {
        let (world, other) = two_apps(either).await;
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        for unsure in ["installation_doubted_at = confirmed_at", "reachability = 'access_lost'"] {
            world.tamper(&format!("UPDATE repositories SET {unsure}")).await;
            let theirs = other.install(OCTO, Selection::All).await;
            world.settle().await;
            assert!(is_served_by_the_first(&world).await, "{unsure}");
            other.uninstall(theirs).await;
            world.settle().await;
        }
        world.end().await;
    }

    async fn an_organisation_of_another_app_waits_while_the_one_on_record_cannot_be_asked(either: Either) {
        let (world, other) = two_apps(either).await;
        world.repository("templates", &[("a", "1")]).await;
        let theirs = other.install(OCTO, Selection::All).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        world.api.put(&format!("/orgs/other/installations/{theirs}"), json!({})).await.expect(201);
        let body = json!({"github_owner": "octo", "github_repo": "templates"});
        world.api.put("/orgs/other/bindings/theirs", body).await.expect(201);
        world.settle().await;
        world.bind("site", "templates", json!({})).await;
        assert!(is_served_by_the_first(&world).await);
        world.tamper("UPDATE repositories SET installation_doubted_at = confirmed_at").await;
        world.github.fail(Fault::on(Route::RepositoryInstallation).times(1).status(502));
        world.api.post("/orgs/other/bindings/theirs/sync").await.expect(202);
        world.settle().await;
        world.pass(Duration::from_secs(900)).await;
        assert!(is_served_by_the_first(&world).await, "and not by the one that could be asked");
        world.end().await;
    }

    async fn a_guid_of_two_apps_is_explained_by_both_deliveries(either: Either) {
        let (world, other) = two_apps(either).await;
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        other.install(OCTO, Selection::All).await;
        world.settle().await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let guid = pushed.delivery.expect("a delivery");
        assert_eq!(ledger(&world, guid.as_str()).await.len(), 2);
        let answer = world.api.get(&format!("/explain?delivery={guid}")).await.expect(200).json();
        assert_eq!(answer["verdict"]["code"], "published");
        let steps = answer["steps"].as_array().expect("steps").iter();
        let received = steps.filter(|step| step["code"] == "received");
        let mut apps: Vec<_> = received.map(|step| step["facts"]["github_app_id"].as_i64()).collect();
        apps.sort();
        assert_eq!(apps, [Some(OTHER_APP), Some(APP_ID)]);
        world.end().await;
    }
}
