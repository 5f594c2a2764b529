//! The checker sees what is wrong with a database, and nothing where all is well.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use bindery::fsck::{self, Extent, Finding, Options, Report};
use bindery::github::ids::RepositoryId;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Engine, KEY, SECRET, TestDatabase, World, stories};

/// A binding `site` that has been synced twice, and a delivery for each of the two pushes.
async fn published(world: &World) -> RepositoryId {
    let files = [("a", "one"), ("b/c", "two"), ("b/d", "three")];
    let repo = world.repository("templates", &files).await;
    world.bind("site", "templates", json!({})).await;
    world.push(repo, &[("a", "changed")]).await;
    world.settle().await;
    let report = world.check().await;
    assert!(report.holds, "{report}");
    repo
}

/// Where and how the checker finds that, after this was done to the database.
async fn after(world: &World, sql: &str) -> BTreeMap<&'static str, Finding> {
    world.tamper(sql).await;
    by_rule(world.check().await)
}

fn by_rule(report: Report) -> BTreeMap<&'static str, Finding> {
    let named = report
        .findings
        .into_iter()
        .map(|finding| (finding.rule.name, finding));
    named.collect()
}

fn names(found: &BTreeMap<&'static str, Finding>) -> Vec<&'static str> {
    found.keys().copied().collect()
}

const SERVED: &str = "(SELECT content_id FROM bindings)";

stories! {
    async fn i1_a_delivery_that_nobody_processes_is_found(world: World) {
        let repo = published(&world).await;
        world.push(repo, &[("a", "late")]).await;
        assert!(world.check().await.holds, "not at once");
        world.clock.advance(std::time::Duration::from_secs(601));
        let found = by_rule(world.check().await);
        assert_eq!(names(&found), ["delivery_waits"]);
        assert!(found["delivery_waits"].place.contains("push"), "{found:?}");
        world.discard().await;
    }

    async fn i1_a_decision_whose_job_is_gone_is_found(world: World) {
        published(&world).await;
        let found = after(&world, "UPDATE delivery_decisions SET job_id = NULL").await;
        assert_eq!(names(&found), ["job_of_a_decision_lost"]);
        world.discard().await;
    }

    async fn i1_a_delivery_without_any_outcome_is_found(world: World) {
        published(&world).await;
        let found = after(&world, "DELETE FROM delivery_decisions").await;
        assert!(found.is_empty(), "the jobs say what caused them: {found:?}");
        let cause = r#"{"type":"operator","token":"x"}"#;
        let found = after(&world, &format!("UPDATE jobs SET cause = '{cause}'")).await;
        assert_eq!(names(&found), ["processed_without_outcome"]);
        world.discard().await;
    }

    async fn i1_a_body_that_is_cut_is_found(world: World) {
        published(&world).await;
        let found = after(&world, "UPDATE deliveries SET body_size = body_size + 1 WHERE event = 'push'").await;
        assert_eq!(names(&found), ["body_not_whole"]);
        world.discard().await;
    }

    async fn i4_a_pointer_that_was_moved_back_is_found(world: World) {
        published(&world).await;
        let found = after(&world, "UPDATE bindings SET content_id = (SELECT min(id) FROM contents)").await;
        assert_eq!(names(&found), ["newer_content_not_served"]);
        world.discard().await;
    }

    async fn i5_content_and_bytes_of_another_repository_are_found(world: World) {
        published(&world).await;
        world.repository("other", &[("x", "other")]).await;
        world.bind("other", "other", json!({})).await;
        let other = "(SELECT max(id) FROM repositories)";
        let site = "(SELECT content_id FROM bindings WHERE name = 'site')";
        let found = after(&world, &format!("UPDATE contents SET repository_id = {other} WHERE id = {site}")).await;
        assert_eq!(names(&found), ["bytes_of_another_repository", "content_of_another_repository"]);
        let swapped = "UPDATE bindings SET content_id = (SELECT max(id) FROM contents) WHERE name = 'site'";
        assert!(names(&after(&world, swapped).await).contains(&"content_of_another_repository"));
        world.discard().await;
    }

    async fn i6_a_file_without_its_bytes_is_found(world: World) {
        published(&world).await;
        let of = format!("(SELECT blob_id FROM content_files WHERE content_id = {SERVED} AND path = 'b/c')");
        let found = after(&world, &format!("DELETE FROM blobs WHERE id = {of}")).await;
        assert_eq!(names(&found), ["file_without_bytes", "points_nowhere"]);
        assert!(found["file_without_bytes"].place.ends_with("b/c"), "{found:?}");
        world.discard().await;
    }

    async fn i6_a_byte_that_has_flipped_is_found(world: World) {
        published(&world).await;
        let bytes = if world.context.db.is_sqlite() { "x'4f6e65'" } else { r"'\x4f6e65'" };
        let found = after(&world, &format!("UPDATE blobs SET bytes = {bytes} WHERE id = (SELECT max(blob_id) FROM content_files WHERE path = 'b/c')")).await;
        assert_eq!(names(&found), ["bytes_are_not_the_blob"]);
        world.discard().await;
    }

    async fn i6_a_file_that_is_missing_from_the_listing_is_found(world: World) {
        published(&world).await;
        let found = after(&world, &format!("DELETE FROM content_files WHERE content_id = {SERVED} AND path = 'b/d'")).await;
        assert_eq!(names(&found), ["listing_is_not_the_tree"]);
        world.discard().await;
    }

    async fn i6_a_file_with_the_bytes_of_another_is_found(world: World) {
        published(&world).await;
        let other = format!("(SELECT blob_id FROM content_files WHERE content_id = {SERVED} AND path = 'b/d')");
        let found = after(&world, &format!("UPDATE content_files SET blob_id = {other} WHERE content_id = {SERVED} AND path = 'b/c'")).await;
        assert_eq!(names(&found), ["file_with_other_bytes"]);
        world.discard().await;
    }

    async fn i6_content_that_was_deleted_is_found(world: World) {
        published(&world).await;
        let found = after(&world, "UPDATE bindings SET content_id = NULL; DELETE FROM content_files; DELETE FROM contents").await;
        assert_eq!(names(&found), ["succeeded_without_content"]);
        world.discard().await;
    }

    async fn i6_a_publish_that_no_job_accounts_for_is_found(world: World) {
        published(&world).await;
        let columns = "binding_id, repository_id, owner_id, installation_id, git_ref, root_path, commit_sha, tree_sha, created_at";
        let again = format!("INSERT INTO contents ({columns}) SELECT {columns} FROM contents WHERE id = {SERVED}");
        let found = after(&world, &again).await;
        assert_eq!(names(&found), ["newer_content_not_served", "published_by_no_job"]);
        world.discard().await;
    }

    async fn i9_a_job_whose_worker_is_gone_is_found(world: World) {
        published(&world).await;
        let (past, now) = if world.context.db.is_sqlite() {
            ("lease_until = finalized_at - 61000000", "scheduled_at")
        } else {
            ("lease_until = finalized_at - interval '61 seconds'", "scheduled_at")
        };
        let last = "id = (SELECT max(id) FROM jobs)";
        let found = after(&world, &format!("UPDATE jobs SET state = 'running', {past}, finalized_at = NULL, scheduled_at = {now} WHERE {last}")).await;
        // Nobody can say that it published, either.
        assert_eq!(names(&found), ["job_without_worker", "published_by_no_job"]);
        world.discard().await;
    }

    async fn i9_a_job_that_nobody_takes_is_found(world: World) {
        published(&world).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.clock.advance(std::time::Duration::from_secs(601));
        let found = by_rule(world.check().await);
        assert_eq!(names(&found), ["nobody_works"]);
        world.settle().await;
        assert!(world.check().await.holds);
        world.discard().await;
    }

    async fn i9_a_job_that_is_passed_by_is_found(world: World) {
        published(&world).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.tamper("UPDATE jobs SET kind = 'of_another_version' WHERE state = 'available'").await;
        world.clock.advance(std::time::Duration::from_secs(3700));
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let found = by_rule(world.check().await);
        assert_eq!(names(&found), ["job_passed_by"]);
        world.discard().await;
    }

    async fn i9_two_waiting_jobs_of_one_target_are_found(world: World) {
        published(&world).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        let columns = "kind, target, lane, state, attempt, max_attempts, deferrals, scheduled_at, requested_at, fence, cause, hints, errors, created_at";
        let again = format!("INSERT INTO jobs ({columns}) SELECT {columns} FROM jobs WHERE state = 'available'");
        let found = after(&world, &format!("DROP INDEX jobs_waiting_target; {again}")).await;
        assert_eq!(names(&found), ["two_jobs_of_one_target"]);
        world.discard().await;
    }

    async fn i9_a_binding_that_waits_for_nothing_is_found(world: World) {
        published(&world).await;
        world.tamper("UPDATE bindings SET status = 'pending'").await;
        assert!(world.check().await.holds, "not at once");
        world.clock.advance(std::time::Duration::from_secs(601));
        assert_eq!(names(&by_rule(world.check().await)), ["pending_without_job"]);
        world.discard().await;
    }

    async fn i9_a_job_that_was_given_up_unseen_is_found(world: World) {
        published(&world).await;
        let last = "id = (SELECT last_job_id FROM bindings)";
        let found = after(&world, &format!("UPDATE jobs SET state = 'discarded' WHERE {last}")).await;
        assert_eq!(names(&found), ["given_up_and_not_shown", "published_by_no_job"]);
        world.discard().await;
    }

    async fn i10_a_publish_for_an_organisation_whose_grant_is_gone_is_found(world: World) {
        published(&world).await;
        world.api.put("/orgs/rival", json!({})).await.expect(201);
        world.revoke(world.installation).await;
        world.api.put(&format!("/orgs/rival/installations/{}", world.installation), json!({})).await.expect(201);
        world.settle().await;
        assert!(world.check().await.holds, "what was published before the grant changed hands is not served");
        let late = if world.context.db.is_sqlite() { "created_at + 301000000" } else { "created_at + interval '301 seconds'" };
        let found = after(&world, &format!("UPDATE contents SET created_at = {late} WHERE id = {SERVED}")).await;
        assert_eq!(names(&found), ["published_without_grant"]);
        world.discard().await;
    }

    async fn i10_a_publish_after_the_grant_was_taken_back_is_found(world: World) {
        published(&world).await;
        world.revoke(world.installation).await;
        world.settle().await;
        assert!(world.check().await.holds, "what was published before is not served");
        let late = if world.context.db.is_sqlite() { "created_at + 301000000" } else { "created_at + interval '301 seconds'" };
        let found = after(&world, &format!("UPDATE contents SET created_at = {late} WHERE id = {SERVED}")).await;
        assert_eq!(names(&found), ["published_without_grant"]);
        world.discard().await;
    }

    async fn a_row_that_points_nowhere_is_found(world: World) {
        published(&world).await;
        let found = after(&world, "UPDATE bindings SET last_job_id = 4711").await;
        assert_eq!(names(&found), ["points_nowhere"]);
        assert!(found["points_nowhere"].what.contains("jobs"), "{found:?}");
        world.discard().await;
    }

    async fn a_migration_that_was_not_run_is_found_and_nothing_else_is_looked_at(world: World) {
        published(&world).await;
        let found = after(&world, "DELETE FROM bindings; DELETE FROM __diesel_schema_migrations WHERE version = '20261120000002'").await;
        assert_eq!(names(&found), ["migration_pending"]);
        world.discard().await;
    }

    async fn i1_i2_a_record_tells_what_was_acknowledged_and_what_was_never_fetched(world: World) {
        published(&world).await;
        let guid = world.last_delivery("push").await.guid;
        let folder = tempfile::tempdir().unwrap();
        let sent = [
            json!({"app": 4242, "guid": guid, "status": 202}),
            json!({"app": 4242, "guid": "lost", "status": 202}),
            json!({"app": 4242, "guid": "missed", "status": 503}),
            json!({"app": 4242, "guid": "unheard"}),
            json!({"app": 4242, "guid": "just now", "status": 503, "at": world.clock.now()}),
            json!({"app": 4242, "guid": "a stranger's", "status": 401, "listed": false}),
            json!({"app": 4242, "guid": "long ago", "status": 202, "at": "2020-01-01T00:00:00Z"}),
        ];
        let report = with_record(&world, folder.path(), &sent).await;
        let places: Vec<(&str, &str)> = report.findings.iter().map(|found| (found.rule.name, found.place.as_str())).collect();
        assert_eq!(places, [
            ("acknowledged_and_lost", "App 4242, GUID lost"),
            ("never_fetched", "App 4242, GUID missed"),
            ("never_fetched", "App 4242, GUID unheard"),
        ]);
        let extent = |id| report.invariants.iter().find(|seen| seen.invariant.id() == id).unwrap().extent;
        assert_eq!((extent("I1"), extent("I2"), extent("I3")), (Extent::Whole, Extent::Whole, Extent::Not));
        world.end().await;
    }

    async fn what_is_at_work_gives_no_false_alarm(world: World) {
        let repo = published(&world).await;
        let (stop, context) = (tokio_util::sync::CancellationToken::new(), world.context.clone());
        let (working, looking) = (world.workers.clone(), stop.clone());
        let at_work = tokio::spawn(async move { working.run(&context, looking).await });
        for round in 0..12 {
            let text = round.to_string();
            world.push(repo, &[("a", &text), ("b/e", &text)]).await;
            let report = world.check().await;
            assert!(report.holds, "{report}");
        }
        stop.cancel();
        at_work.await.unwrap().unwrap();
        world.settle().await;
        world.end().await;
    }
}

async fn with_record(world: &World, folder: &Path, sent: &[Value]) -> Report {
    let path = folder.join("record.jsonl");
    let lines: Vec<String> = sent.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let options = Options {
        record: Some(path),
        ..Options::of(&world.context.config)
    };
    fsck::check(&world.context.db, &options, &world.clock)
        .await
        .unwrap()
}

/// `bindery fsck` beside a service that holds the database.
async fn run(database: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bindery"))
        .arg("fsck")
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", database)
        .env("GITHUB_APP_ID", "4242")
        .env("GITHUB_APP_PRIVATE_KEY", KEY)
        .env("GITHUB_WEBHOOK_SECRET", SECRET)
        .output()
        .await
        .expect("the binary starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn the_command_looks_beside_the_service(engine: Engine) {
    let world = World::on(engine).await;
    // By the system's clock everything here is long due, if anything is left.
    published(&world).await;
    let url = world.database_url().to_owned();
    let holds = run(&url, &[]).await;
    assert_eq!(holds.status.code(), Some(0), "{}", said(&holds));
    assert!(
        said(&holds).contains("I3     not checked"),
        "{}",
        said(&holds)
    );

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, format!("good\nbad: {SECRET}\n")).unwrap();
    let broken = run(&url, &["-o", "json", "--log-file", log.to_str().unwrap()]).await;
    assert_eq!(broken.status.code(), Some(1), "{}", said(&broken));
    let report: Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!(report["findings"][0]["rule"], "secret_in_a_log");
    assert_eq!(report["findings"][0]["what"], "GITHUB_WEBHOOK_SECRET");
    assert!(!said(&broken).contains(SECRET));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_looks_beside_the_service_on_sqlite() {
    the_command_looks_beside_the_service(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_looks_beside_the_service_on_postgres() {
    the_command_looks_beside_the_service(Engine::Postgres).await;
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_no_verdict() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let none = run(&database.url, &[]).await;
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no database"));
    database.drop().await;
}
