//! On the machine itself, beside the service: straight to the database.

use chrono::Utc;
use serde_json::json;

use super::{bindery, here, ran};
use crate::support::{Engine, TestDatabase, World, stories};

stories! {
    async fn without_a_service_the_machines_database_is_asked(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let list = here(&world, &["bindings", "-o", "json"]).await.expect(0);
        assert_eq!(list.json()[0]["name"], "site");
        assert_eq!(list.err, "");
        assert_eq!(here(&world, &["cat", "acme/site", "a"]).await.expect(0).out, "1");

        // By the clock of the machine.
        let ahead = Utc::now() - world.clock.now();
        world.clock.advance(ahead.to_std().unwrap_or_default());
        let made = here(&world, &["bind", "acme/other", "octo/templates", "-o", "json"]).await.expect(0);
        assert!(made.json()["self_url"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:8080/")), "{}", made.out);
        world.clock.advance(std::time::Duration::from_secs(60));
        let job = world.last_job().await;
        assert_eq!(serde_json::to_value(&job.cause.0).expect("JSON"), json!({"type": "operator", "token": "command line"}));
        world.settle().await;
        assert_eq!(world.binding("other").await["last_sync_status"], "succeeded");

        // The log says that it was nobody's token.
        let log = here(&world, &["audit", "--action", "binding.put", "-o", "json"]).await.expect(0).json();
        assert_eq!((&log[0]["actor"], &log[0]["source"]), (&json!("process"), &json!("127.0.0.1")));
        assert_eq!(log[0]["place"], "/orgs/acme/bindings/other");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_database_is_said() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let command = || {
        let mut command = bindery(&["orgs"]);
        command.env("DATABASE_URL", &database.url);
        command
    };
    let none = ran(command()).await.expect(1);
    none.says("no service is named (--url)");
    none.says("there is no database");
    let path = database.url.trim_start_matches("sqlite://");
    std::fs::write(path, "").expect("a file");
    ran(command())
        .await
        .expect(1)
        .says("this is no database of Bindery's");
    database.drop().await;
}
