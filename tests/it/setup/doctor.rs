//! The doctor: what is well is said to be, and each thing that is broken is named with what to do.

use std::time::Duration;

use bindery::clock::Clock;
use bindery::config::{Config, Flags, Sources};
use bindery::doctor::{self, Code, Options, Outcome, Report};
use bindery::simulator::{Fault, Route};
use diesel_async::SimpleAsyncConnection as _;
use secrecy::SecretString;
use serde_json::json;

use crate::support::{KEY, SECRET, World, config, stories};

const OTHER_KEY: &str = include_str!("../../../fixtures/keys/rsa-2048-pkcs8.pem");

fn options() -> Options {
    Options {
        patience: Duration::from_secs(10),
        ..Options::default()
    }
}

async fn examine(world: &World) -> Report {
    examine_by(world, &world.clock).await
}

async fn examine_by(world: &World, clock: &Clock) -> Report {
    let config = Config::clone(&world.context.config);
    let report = doctor::examine(Ok(config), &options(), clock).await;
    let text = format!("{report}{}", json!(report));
    for secret in [SECRET, KEY] {
        assert!(!text.contains(secret), "{text}");
    }
    report
}

/// What failed, in order; and every failure says what to do.
fn failed(report: &Report) -> Vec<&'static str> {
    let failed = report
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Failed);
    failed
        .map(|check| {
            assert!(check.fix.is_some(), "{report}");
            check.code.as_str()
        })
        .collect()
}

/// Exactly this is wrong, and what is said of it has all of these words.
#[track_caller]
fn expect(report: &Report, code: &str, words: &[&str]) {
    assert_eq!(failed(report), [code], "{report}");
    let check = report
        .checks
        .iter()
        .find(|check| check.code.as_str() == code);
    let check = check.expect("a check");
    let said = format!(
        "{} {}",
        check.says,
        check.fix.as_deref().unwrap_or_default()
    );
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// `site` is bound, and everything has been looked at once.
async fn healthy(world: &World) -> bindery::github::ids::RepositoryId {
    let repo = world.repository("templates", &[("a", "1")]).await;
    world.bind("site", "templates", json!({})).await;
    world.heal().await;
    repo
}

stories! {
    async fn what_is_well_is_said_to_be(world: World) {
        healthy(&world).await;
        let report = examine(&world).await;
        assert!(report.ok, "{report}");
        let codes: Vec<Code> = report.checks.iter().map(|check| check.code).collect();
        assert_eq!(codes, Code::ALL, "one line each");
        for check in &report.checks {
            let elsewhere = check.code == Code::Disk && !world.context.db.is_sqlite();
            assert!(elsewhere || check.outcome == Outcome::Ok, "{report}");
        }
        let left_out = Options { round_trip: false, ..options() };
        let config = Config::clone(&world.context.config);
        let before = world.github.count(Route::Redelivery);
        let report = doctor::examine(Ok(config), &left_out, &world.clock).await;
        assert!(report.ok && report.to_string().contains("– webhook_secret"), "{report}");
        assert_eq!(world.github.count(Route::Redelivery), before);
        world.end().await;
    }

    async fn what_is_wrong_with_the_app_and_its_webhook_is_named(world: World) {
        healthy(&world).await;
        let github = &world.github;
        let url = world.api.url("/webhooks/github");

        github.set_app_keys(&[OTHER_KEY]).unwrap();
        expect(&examine(&world).await, "app_key", &["refuses", "private key on its page"]);
        github.set_app_keys(&[KEY]).unwrap();

        github.unsubscribe("push");
        expect(&examine(&world).await, "app_events", &["does not subscribe to push", "Tick"]);
        github.subscribe("push");

        github.set_webhook_url(world.api.url("/hooks"));
        expect(&examine(&world).await, "webhook_url", &["/hooks, which is none", "/webhooks/github"]);
        github.unset_webhook_url();
        expect(&examine(&world).await, "webhook_url", &["none is set"]);
        github.set_webhook_url(&url);

        github.send_forms(true);
        expect(&examine(&world).await, "webhook_content_type", &["form", "application/json"]);
        github.send_forms(false);

        github.set_insecure_ssl(true);
        expect(&examine(&world).await, "webhook_tls", &["off", "Enable SSL verification"]);
        github.set_insecure_ssl(false);

        github.set_webhook_secret("another secret than the service's");
        expect(&examine(&world).await, "webhook_secret", &["401", "same secret"]);
        github.set_webhook_secret("");
        expect(&examine(&world).await, "webhook_secret", &["no secret"]);
        let app = world.context.apps.first().unwrap();
        app.github.set_hook_secret(&SecretString::from(SECRET)).await.unwrap();
        github.lose_all(true);
        expect(&examine(&world).await, "webhook_secret", &["did not arrive", "firewall"]);
        github.lose_all(false);

        assert!(examine(&world).await.ok, "all is mended");
        world.end().await;
    }

    async fn what_is_wrong_around_the_app_is_named(world: World) {
        healthy(&world).await;
        let ahead = Clock::manual(world.clock.now() + Duration::from_secs(120));
        expect(&examine_by(&world, &ahead).await, "clock", &["120 s ahead", "set-ntp"]);

        world.github.fail(Fault::anywhere().status(502));
        let report = examine(&world).await;
        expect(&report, "github", &["502", "GITHUB_API_URL"]);
        assert!(report.to_string().contains("– app_key"), "{report}");
        assert!(report.to_string().contains("`github` comes first"), "{report}");
        world.github.clear_faults();

        world.github.exhaust_rate_limit(world.installation, Duration::from_secs(60));
        expect(&examine(&world).await, "rate_limit", &["octo 0 of 5000", "Wait"]);
        world.pass(Duration::from_secs(61)).await;
        assert!(examine(&world).await.ok, "the hour is over");
        world.end().await;
    }

    async fn permissions_that_are_missing_are_named(world: World) {
        healthy(&world).await;
        world.github.take_permission("contents");
        let report = examine(&world).await;
        assert_eq!(failed(&report), ["app_permissions", "installations"], "{report}");
        assert!(report.to_string().contains("octo has not accepted contents: read"), "{report}");
        world.end().await;
    }

    async fn an_app_that_is_installed_nowhere_is_named(world: World) {
        healthy(&world).await;
        world.github.uninstall(world.installation).await;
        world.settle().await;
        let report = examine(&world).await;
        assert_eq!(failed(&report), ["installations", "bindings_covered"], "{report}");
        for words in ["https://github.com/apps/bindery/installations/new", "/orgs/acme/bindings/site (access_lost)"] {
            assert!(report.to_string().contains(words), "{report}");
        }
        world.discard().await;
    }

    async fn bindings_out_of_reach_are_named(world: World) {
        healthy(&world).await;
        world.github.suspend(world.installation).await;
        world.settle().await;
        expect(&examine(&world).await, "bindings_covered", &["1 of 1", "/orgs/acme/bindings/site (suspended)", "bindery explain"]);
        world.github.unsuspend(world.installation).await;
        world.settle().await;
        assert!(examine(&world).await.ok);
        world.end().await;
    }

    async fn nobody_at_work_is_named(world: World) {
        let repo = healthy(&world).await;
        let by = |minutes: u64| world.clock.advance(Duration::from_secs(60 * minutes));
        world.push(repo, &[("a", "2")]).await;
        by(3);
        expect(&examine(&world).await, "deliveries_due", &["has waited since", "worker's role"]);
        world.workers.inbox.drain().await.unwrap();
        by(5);
        expect(&examine(&world).await, "workers", &["nobody asks", "bindery serve"]);
        by(5);
        assert_eq!(failed(&examine(&world).await), ["workers", "sweep"]);
        by(1);
        assert_eq!(failed(&examine(&world).await), ["workers", "jobs_due", "sweep"]);
        world.settle().await;
        world.heal().await;
        assert!(examine(&world).await.ok);
        world.end().await;
    }

    async fn a_sweep_that_goes_wrong_is_named(world: World) {
        healthy(&world).await;
        world.github.fail(Fault::on(Route::HookDeliveries).status(502));
        world.clock.advance(Duration::from_secs(300));
        world.heal().await;
        world.github.clear_faults();
        expect(&examine(&world).await, "sweep", &["went wrong", "GET /healing"]);
        world.discard().await;
    }

    async fn a_database_of_another_version_is_named(world: World) {
        healthy(&world).await;
        world.tamper("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)").await;
        let report = examine(&world).await;
        expect(&report, "migrations", &["not run yet", "bindery migrate"]);
        assert!(report.to_string().contains("✓ app_key"), "it hides nothing else: {report}");
        world.discard().await;
    }

    async fn a_database_that_takes_no_rows_is_named(world: World) {
        healthy(&world).await;
        if !world.context.db.is_sqlite() {
            let url: url::Url = world.database_url().parse().unwrap();
            let name = url.path().trim_start_matches('/');
            let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
            world.context.db.write().await.unwrap().batch_execute(&sql).await.unwrap();
            expect(&examine(&world).await, "database_writable", &["read-only", "right to write"]);
        }
        world.discard().await;
    }

    async fn settings_that_lead_nowhere_are_named(world: World) {
        let wrong = config("sqlite:///nowhere/bindery.db", &world.github.url(), &[]);
        let report = doctor::examine(Ok(wrong), &options(), &world.clock).await;
        assert_eq!(failed(&report), ["database", "disk"], "{report}");
        assert!(report.to_string().contains("✓ app_key"), "{report}");

        let none = Config::load(&Sources::new(Flags::default(), |name| {
            (name == "DATABASE_URL").then(|| world.database_url().into())
        }));
        let report = doctor::examine(none, &options(), &world.clock).await;
        expect(&report, "app", &["GITHUB_APP_ID", "bindery setup"]);
        assert!(report.to_string().contains("– github"), "{report}");

        let bad = Config::load(&Sources::new(Flags::default(), |name| {
            (name == "BINDERY_LEASE").then(|| "soon".into())
        }));
        let report = doctor::examine(bad, &options(), &world.clock).await;
        expect(&report, "settings", &["BINDERY_LEASE", "config show"]);
        assert_eq!(report.checks.len(), Code::ALL.len(), "{report}");
        world.end().await;
    }
}

#[test]
fn every_code_is_broken_once() {
    let stories = include_str!("doctor.rs");
    let unbroken: Vec<&str> = Code::ALL
        .iter()
        .map(|code| code.as_str())
        .filter(|code| !stories.contains(&format!("\"{code}\"")))
        .collect();
    assert!(unbroken.is_empty(), "nothing breaks {unbroken:?}");
}
