use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::*;
use crate::blob::{self, NewBlob};
use crate::content::{self, NewContent, NewFile};
use crate::db::Conn;
use crate::db::schema::bindings;
use crate::git::{EntryMode, ObjectKind, Oid, hash_object};
use crate::github::RepositoryName;
use crate::github::client;
use crate::github::ids::{AppId, InstallationId, OwnerId, RepositoryId};
use crate::ids::{BindingId, RepositoryRowId};
use crate::repository::Coverage;
use crate::{github_app, installation, repository};

const BINDING: &str = "/orgs/octo/bindings/handbook";
const GRANT: &str = "/orgs/octo/installations/7";
const BODY: &str = r#"{"github_owner": "octo", "github_repo": "docs"}"#;

/// Puts a binding and publishes these files in it, as a sync would.
async fn published(world: &World, path: &str, files: &[(&str, &[u8])]) -> Value {
    world.put(GRANT, "").await;
    let id = world.put(path, BODY).await.json()["id"]
        .as_i64()
        .expect("an id");
    let mut conn = world.api.write().await.expect("a connection");
    publish(BindingId::new(id), files, world, &mut conn)
        .await
        .expect("a query");
    world.get(path).await.json()
}

async fn publish(
    binding: BindingId,
    files: &[(&str, &[u8])],
    world: &World,
    conn: &mut Conn,
) -> QueryResult<()> {
    let now = world.api.now();
    let repository = known_repository(world, conn).await?;
    let blob = |bytes: &[u8]| NewBlob {
        sha: hash_object(ObjectKind::Blob, bytes),
        bytes: bytes.to_vec(),
    };
    let batch: Vec<_> = files.iter().map(|(_, bytes)| blob(bytes)).collect();
    let shas: Vec<Oid> = batch.iter().map(|blob| blob.sha).collect();
    blob::store(repository, batch.clone(), now, conn).await?;
    let stored = blob::stored(repository, &shas, now, conn).await?;
    let mut entries: Vec<_> = files
        .iter()
        .zip(&batch)
        .map(|((path, bytes), new)| NewFile {
            path: (*path).to_owned(),
            mode: EntryMode::File,
            sha: new.sha,
            size: bytes.len() as u64,
            blob: stored.get(&new.sha.to_string()).copied(),
        })
        .collect();
    entries.push(NewFile {
        path: "zz/link".to_owned(),
        mode: EntryMode::Symlink,
        sha: Oid::ZERO,
        size: 3,
        blob: None,
    });
    let new = NewContent {
        binding,
        repository,
        owner_id: OwnerId::new(5).expect("an id"),
        installation_id: InstallationId::new(7).expect("an id"),
        git_ref: "main".to_owned(),
        root_path: "/".to_owned(),
        commit: Oid::from_bytes([1; 20]),
        tree: Oid::from_bytes([2; 20]),
        files: entries,
        listing: None,
    };
    let content = content::insert(&new, now, conn).await?;
    let facts = (
        bindings::repository_id.eq(repository),
        bindings::content_id.eq(content),
        bindings::commit_sha.eq(new.commit.to_string()),
    );
    diesel::update(bindings::table.find(binding))
        .set(facts)
        .execute(conn)
        .await?;
    Ok(())
}

/// `octo/handbook`, which was `octo/docs` when it was bound.
async fn known_repository(world: &World, conn: &mut Conn) -> QueryResult<RepositoryRowId> {
    let now = world.api.now();
    let app = AppId::new(3).expect("an id");
    let app = github_app::ensure("github.com", app, now, conn).await?;
    let seen = client::Installation {
        id: InstallationId::new(7).expect("an id"),
        account: client::Account {
            id: OwnerId::new(5).expect("an id"),
            login: "octo".to_owned(),
        },
        suspended_at: None,
        permissions: [("contents", "read"), ("metadata", "read")]
            .map(|(name, level)| (name.to_owned(), level.to_owned()))
            .into(),
        repository_selection: "all".to_owned(),
    };
    let installation = installation::confirm(app, &seen, now, conn).await?;
    let seen = client::Repository {
        id: RepositoryId::new(11).expect("an id"),
        name: RepositoryName::new("octo", "handbook"),
        owner_id: OwnerId::new(5).expect("an id"),
        default_branch: "main".to_owned(),
        visibility: "private".to_owned(),
        archived: false,
        disabled: false,
    };
    let known = Coverage::Asked(installation.id);
    let row = repository::confirm("github.com", &seen, known, None, now, conn).await?;
    Ok(row.id)
}

#[actix_web::test]
async fn a_synced_binding_shows_the_ids_and_the_present_name() {
    let world = World::with_octo().await;
    let body = published(&world, BINDING, &[("a", b"1")]).await;
    let seen = json!([
        body["github_repo"],
        body["repository"]["name"],
        body["web_url"],
        body["github_repo_id"],
        body["github_owner_id"],
        body["github_installation_id"],
        body["tree_sha"],
        body["access"],
    ]);
    let expected = json!([
        "docs",
        "handbook",
        "https://github.com/octo/handbook",
        11,
        5,
        7,
        "02".repeat(20),
        "reachable",
    ]);
    assert_eq!(seen, expected);
    let same = r#"{"github_owner": "octo", "github_repo": "handbook"}"#;
    assert_eq!(
        world.put(BINDING, same).await.json(),
        body,
        "named as it is called now"
    );
}

#[actix_web::test]
async fn files_are_listed_page_by_page_with_whose_they_are() {
    let world = World::with_octo().await;
    published(
        &world,
        BINDING,
        &[("a/ü x.txt", b"one"), ("b%2Fc+d.html", b"<script>")],
    )
    .await;
    let first = world.get(&format!("{BINDING}/files?limit=2")).await;
    let body = first.json();
    assert_eq!(body["commit_sha"], "01".repeat(20));
    assert_eq!(
        (&body["github_repo_id"], &body["github_installation_id"]),
        (&json!(11), &json!(7))
    );
    assert_eq!(
        body["files"][0],
        json!({
            "path": "a/ü x.txt", "mode": "100644", "size": 3,
            "sha": "43dd47ea691c90a5fa7827892c70241913351963", "skipped": null,
        })
    );
    let link = first.header("link").to_owned();
    let next = &link["<http://bindery.example".len()..link.find('>').expect("a link")];
    // Another tree is published meanwhile: the list that was begun goes on.
    published(&world, BINDING, &[("other", b"2")]).await;
    let second = world.get(next).await;
    assert_eq!(second.json()["files"][0]["path"], "zz/link");
    assert_eq!(second.json()["files"][0]["skipped"], "symlink");
    assert!(!second.headers.contains_key("link"));
}

#[actix_web::test]
async fn c15_bytes_are_given_and_never_as_a_page() {
    let world = World::with_octo().await;
    published(
        &world,
        BINDING,
        &[
            ("a/ü x.txt", b"one"),
            ("b%2Fc+d.html", b"<script>"),
            ("c.svg", b"\xff\0"),
        ],
    )
    .await;
    for (path, bytes, content_type) in [
        ("a/%C3%BC%20x.txt", &b"one"[..], "text/plain; charset=utf-8"),
        ("a%2F%C3%BC%20x.txt", b"one", "text/plain; charset=utf-8"),
        ("b%252Fc+d.html", b"<script>", "text/plain; charset=utf-8"),
        ("b%252Fc%2Bd.html", b"<script>", "text/plain; charset=utf-8"),
        ("c.svg", b"\xff\0", "application/octet-stream"),
    ] {
        let answer = world.get(&format!("{BINDING}/files/{path}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (200, bytes),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("sandbox")
        );
        assert!(
            answer
                .header("content-disposition")
                .starts_with("attachment")
        );
    }
    let file = format!("{BINDING}/files/a/%C3%BC%20x.txt");
    let known = (
        header::IF_NONE_MATCH,
        "\"43dd47ea691c90a5fa7827892c70241913351963\"",
    );
    let answer = world
        .call(request(Method::GET, &file, ADMIN).insert_header(known))
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
}

#[actix_web::test]
async fn what_is_no_file_is_not_given() {
    let world = World::with_octo().await;
    assert_eq!(world.put(BINDING, BODY).await.status, 201);
    assert_eq!(
        world.get(&format!("{BINDING}/files")).await.problem(),
        "not-found"
    );
    published(&world, BINDING, &[("a/b", b"one")]).await;
    for (path, kind) in [
        ("zz/link", "not-a-file"),
        ("a", "not-found"),
        ("", "not-found"),
        ("a/../a/b", "not-found"),
        ("a/b%00", "not-found"),
        ("%FF", "not-found"),
    ] {
        let answer = world.get(&format!("{BINDING}/files/{path}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (404, kind),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn a_project_is_served_its_own_or_else_the_organisations() {
    let world = World::with_octo().await;
    let own = "/orgs/octo/projects/handbook/bindings/handbook";
    let effective = async || world.get(&format!("{own}/effective")).await;
    world.put(own, BODY).await;
    assert_eq!(effective().await.problem(), "not-found");
    let default = published(&world, BINDING, &[("a", b"1")]).await;
    let seen = effective().await.json();
    assert_eq!(
        (&seen["source"], &seen["binding"]),
        (&json!("organization"), &default)
    );
    let project = published(&world, own, &[("a", b"2")]).await;
    let seen = effective().await.json();
    assert_eq!(
        (&seen["source"], &seen["binding"]),
        (&json!("project"), &project)
    );
}

#[actix_web::test]
async fn i10_without_its_grant_a_binding_shows_it_and_serves_nothing() {
    let world = World::with_octo().await;
    published(&world, BINDING, &[("a", b"1")]).await;
    let etag = world.get(&format!("{BINDING}/files/a")).await;
    let etag = etag.header("etag").to_owned();
    let paths = ["files", "files?limit=1", "files/a", "files/b", "effective"];
    for (method, status, slug) in [(Method::DELETE, 403, "not-granted"), (Method::PUT, 200, "")] {
        world.send(method, GRANT, ADMIN).await;
        for path in paths
            .iter()
            .filter(|path| status == 403 || **path != "files/b")
        {
            let read = request(Method::GET, &format!("{BINDING}/{path}"), ADMIN);
            let answer = world.call(read).await;
            assert_eq!(answer.status, status, "{path}");
            if status == 403 {
                assert_eq!(answer.problem(), slug, "{path}");
            }
        }
        let known = request(Method::GET, &format!("{BINDING}/files/a"), ADMIN);
        let known = known.insert_header((header::IF_NONE_MATCH, etag.as_str()));
        let known = world.call(known).await.status.as_u16();
        assert_eq!(known, if status == 403 { 403 } else { 304 });
        let (access, listed) = (
            world.get(BINDING).await,
            world.get("/orgs/octo/bindings").await,
        );
        let expected = if status == 403 {
            "not_granted"
        } else {
            "reachable"
        };
        assert_eq!(access.json()["access"], expected);
        assert_eq!(listed.json()[0]["access"], expected);
    }
}

#[actix_web::test]
async fn i10_it_is_the_contents_repository_that_counts() {
    let world = World::with_octo().await;
    published(&world, BINDING, &[("a", b"1")]).await;
    let elsewhere = r#"{"github_owner": "octo", "github_repo": "elsewhere"}"#;
    assert_eq!(world.put(BINDING, elsewhere).await.status, 200);
    assert_eq!(world.get(&format!("{BINDING}/files")).await.status, 200);
    world.send(Method::DELETE, GRANT, ADMIN).await;
    assert_eq!(world.get(BINDING).await.json()["access"], "unknown");
    let files = world.get(&format!("{BINDING}/files")).await;
    assert_eq!(files.problem(), "not-granted");
}

#[actix_web::test]
async fn with_grants_off_nothing_asks_for_one() {
    let world = World::with(&[("BINDERY_GRANTS", "off")]).await;
    world.put("/orgs/octo", "{}").await;
    published(&world, BINDING, &[("a", b"1")]).await;
    world.send(Method::DELETE, GRANT, ADMIN).await;
    assert_eq!(world.get(BINDING).await.json()["access"], "reachable");
    for path in ["files", "files/a", "effective"] {
        let answer = world.get(&format!("{BINDING}/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn a_grant_that_goes_and_comes_has_its_bindings_looked_at() {
    let world = World::with_octo().await;
    let body = published(&world, BINDING, &[("a", b"1")]).await;
    let id = body["id"].as_i64().expect("an id");
    let token = world.token(None, Role::Admin).await;
    for method in [Method::DELETE, Method::PUT] {
        let mut conn = world.api.write().await.expect("a connection");
        crate::queue::cancel_waiting(crate::sync::KIND, id, "a test", world.api.now(), &mut conn)
            .await
            .expect("a query");
        drop(conn);
        let before = world.get("/jobs?state=available").await;
        assert_eq!(before.body, b"[]");
        assert!(world.send(method, GRANT, &token).await.status.is_success());
        let jobs = world.get("/jobs?state=available").await.json();
        assert_eq!(jobs.as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&jobs[0]["binding_id"], &jobs[0]["cause"]["token"]),
            (&json!(id), &json!("test"))
        );
    }
}

#[actix_web::test]
async fn i8_files_wait_for_room_and_small_ones_for_nobody() {
    let world = World::with(&[("BINDERY_FILES_MEMORY", "1MiB")]).await;
    world.put("/orgs/octo", "{}").await;
    let large = vec![b'x'; 300 << 10];
    let files = [("large", large.as_slice()), ("small", b"1")];
    published(&world, BINDING, &files).await;
    let mut conn = world.api.read().await.expect("a connection");
    let found = organization::find("octo", &mut conn)
        .await
        .expect("a query");
    let octo = found.expect("octo").id;
    drop(conn);
    let path = format!("{BINDING}/files/large");
    let half = world.api.files.share(512 << 10, octo).await;
    let refused = world.get(&path).await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem().as_str()),
        (503, "unavailable")
    );
    assert_eq!(refused.header("retry-after"), "5");
    let small = world.get(&format!("{BINDING}/files/small")).await;
    assert_eq!(small.body, b"1");
    drop(half);
    let others = OrganizationId::new(octo.get() + 1);
    let theirs = world.api.files.share(512 << 10, others).await;
    for _ in 0..2 {
        let answer = world.get(&path).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &large));
    }
    drop(theirs);
}
