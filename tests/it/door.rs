//! What the API does with requests that nobody should send: strangers', other origins', guesses.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bindery::db::DatabaseUrl;
use bindery::simulator::Selection;
use futures_util::future::join_all;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::json;

use crate::support::{ADMIN, Api, KEY, SECRET, World, binding_path, logs, stories};
use crate::webhook::post::connect;

/// A client of another address of this machine.
fn client_at(last: u8) -> Client {
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    Client::builder()
        .no_proxy()
        .local_address(address)
        .build()
        .expect("a client")
}

async fn token(world: &World, organization: Option<&str>, role: &str) -> String {
    let body = json!({"label": "x", "organization": organization, "role": role});
    let made = world
        .api
        .send(Method::POST, "/tokens", Some(body), &[])
        .await
        .expect(201)
        .json();
    made["token"]
        .as_str()
        .expect("the token, this once")
        .to_owned()
}

/// Everything that the database holds, as text and as it is written.
async fn dump(world: &World) -> Vec<u8> {
    match world.context.config.database.settings().url {
        DatabaseUrl::Sqlite(path) => {
            let log = format!("{}-wal", path.display());
            [std::fs::read(path).unwrap(), std::fs::read(log).unwrap()].concat()
        }
        DatabaseUrl::Postgres(_) => postgres_dump(world).await.into_bytes(),
    }
}

async fn postgres_dump(world: &World) -> String {
    use diesel_async::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let mut conn = world.context.db.read().await.unwrap();
    let tables = "SELECT table_name::text AS text FROM information_schema.tables WHERE table_schema = 'public'";
    let tables: Vec<Line> = diesel::sql_query(tables).load(&mut conn).await.unwrap();
    let mut all = String::new();
    for Line { text: table } in tables {
        // Bytes are shown in hexadecimal digits, and once more as the text that they may be.
        let rows = format!(
            "SELECT t::text || encode(convert_to(t::text, 'UTF8'), 'escape') AS text FROM {table} t"
        );
        let rows: Vec<Line> = diesel::sql_query(rows).load(&mut conn).await.unwrap();
        all.extend(rows.into_iter().map(|row| row.text));
    }
    all
}

fn holds(dump: &[u8], text: &str) -> bool {
    let spellings = [text.to_owned(), hex::encode(text)];
    spellings.iter().any(|spelling| {
        dump.windows(spelling.len())
            .any(|window| window == spelling.as_bytes())
    })
}

/// No header that lets another origin read anything.
fn assert_nothing_is_shared(headers: &reqwest::header::HeaderMap) {
    let shared: Vec<_> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .collect();
    assert!(shared.is_empty(), "{shared:?}");
}

stories! {
    async fn a06_a_key_of_one_tenant_binds_nothing_of_anothers_installation(world: World) {
        world.repository("templates", &[("a", "ours")]).await;
        world.bind("site", "templates", json!({})).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let theirs = world.api.with_token(&token(&world, Some("other"), "admin").await);
        let body = json!({"github_owner": "octo", "github_repo": "templates"});
        theirs.put(&binding_path("more"), body.clone()).await.expect(404);
        theirs.put(&format!("/orgs/other/installations/{}", world.installation), json!({})).await.expect(403);
        theirs.put("/orgs/other/bindings/more", body).await.expect(201);
        world.settle().await;
        let bound = theirs.get("/orgs/other/bindings/more").await.expect(200).json();
        assert_eq!((&bound["access"], &bound["github_repo_id"]), (&json!("not_granted"), &json!(null)));
        theirs.get("/orgs/other/bindings/more/files").await.expect(404);
        assert_eq!(world.count("bindings WHERE content_id IS NOT NULL").await, 1, "ours");
        world.end().await;
    }

    async fn a11_refuses_a_ref_that_git_would_not_name(world: World) {
        let long = "x".repeat(5000);
        world.asked();
        for bad in [
            "--upload-pack=x", "-x", "..", "a..b", "@{", "a@{1}", "@", "~", "a~1", "a b", " ", "x.lock", "a.lock/b", "a^", "a:b", "a?b", "a*b",
            "a[b", "a\\b", "a//b", "/a", "a/", ".a", "a.", "a\u{0}b", "a\nb", "a\u{7f}b", "refs/heads/", "refs/notes/x",
            "0123456789012345678901234567890123456789", "", &long,
        ] {
            let answer = world.put_binding("site", "templates", json!({"github_ref": bad})).await.expect(422).json();
            assert_eq!(answer["errors"][0]["field"], "github_ref", "{bad:?}");
        }
        assert_eq!((world.count("bindings").await, world.asked()), (0, vec![]));
        world.end().await;
    }

    async fn a15_a_token_in_the_query_is_not_read_and_not_logged(world: World) {
        logs::listen();
        let secret = token(&world, None, "viewer").await;
        for name in ["access_token", "token", "authorization", "key"] {
            let request = Client::builder().no_proxy().build().unwrap().get(world.api.url(&format!("/orgs?{name}={secret}")));
            Api::answer(request).await.expect(401);
        }
        assert_eq!(logs::lines_with(&secret), [""; 0]);
        world.end().await;
    }

    async fn a16_no_secret_is_in_a_dump_of_the_database(world: World) {
        let repo = world.repository("templates", &[("a", "content-that-is-there")]).await;
        world.bind("site", "templates", json!({})).await;
        world.push(repo, &[("a", "content-that-is-there too")]).await;
        world.settle().await;
        let secret = token(&world, None, "viewer").await;
        world.api.with_token(&secret).get("/orgs").await.expect(200);
        world.api.with_token(&secret).get("/tokens").await.expect(403);
        let dump = dump(&world).await;
        assert!(holds(&dump, "content-that-is-there"), "it is looked at");
        let pem = KEY.lines().nth(1).expect("a line of the key");
        for secret in [&secret, &secret[17..], ADMIN, SECRET, pem, "ghs_", "ghu_", "eyJ0eXAi", "eyJhbGci"] {
            assert!(!holds(&dump, secret), "{secret}");
        }
        world.end().await;
    }

    async fn a_token_may_ask_for_so_many_syncs_a_minute_and_another_still_may(world: World) {
        let (many, other) = (token(&world, None, "operator").await, token(&world, None, "operator").await);
        let (many, other) = (world.api.with_token(&many), world.api.with_token(&other));
        let path = "/orgs/acme/bindings/none/sync";
        for _ in 0..600 {
            many.post(path).await.expect(404);
        }
        let refused = many.post(path).await.expect(429);
        assert_eq!(refused.headers["retry-after"], "60");
        other.post(path).await.expect(404);
        world.clock.advance(Duration::from_secs(60));
        many.post(path).await.expect(404);
        world.end().await;
    }

    async fn a17_ten_thousand_guesses_are_429_and_a_good_token_is_not(world: World) {
        let good = token(&world, None, "viewer").await;
        let good = world.api.with_token(&good);
        let guesses = join_all((0..8).map(|guesser| {
            let world = &world;
            async move {
                let mut statuses = [0_usize; 2];
                for number in 0..1250 {
                    let guess = format!("bndr_{guesser:012}{number:043}");
                    match world.api.with_token(&guess).get("/orgs").await.status {
                        StatusCode::UNAUTHORIZED => statuses[0] += 1,
                        StatusCode::TOO_MANY_REQUESTS => statuses[1] += 1,
                        other => panic!("{other}"),
                    }
                }
                statuses
            }
        }));
        let beside = async {
            for _ in 0..20 {
                good.get("/orgs").await.expect(200);
            }
        };
        let (statuses, ()) = tokio::join!(guesses, beside);
        let sum = |index: usize| statuses.iter().map(|each| each[index]).sum::<usize>();
        assert_eq!((sum(0), sum(1)), (100, 9_900));
        good.get("/orgs").await.expect(200);
        let elsewhere = client_at(2).get(world.api.url("/orgs")).bearer_auth("guess");
        Api::answer(elsewhere).await.expect(401);
        assert_eq!(world.count("audit_events WHERE status = 401").await, 0, "strangers write nothing");
        world.end().await;
    }

    async fn a18_a_cookie_is_never_read_and_text_is_no_json(world: World) {
        let client = Client::builder().no_proxy().build().unwrap();
        let url = world.api.url("/orgs/forged");
        let put = |headers: &[(&str, &str)]| {
            let begun: RequestBuilder = client.put(&url).body("{}");
            headers.iter().fold(begun, |request, (name, value)| request.header(*name, *value))
        };
        for cookie in [
            format!("token={ADMIN}"),
            format!("authorization=Bearer {ADMIN}"),
            format!("session={ADMIN}; access_token={ADMIN}; bindery={ADMIN}"),
            format!("Authorization: Bearer {ADMIN}"),
        ] {
            let request = put(&[("cookie", &cookie), ("content-type", "application/json"), ("origin", "https://evil.example")]);
            Api::answer(request).await.expect(401);
        }
        let bearer = format!("Bearer {ADMIN}");
        for simple in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
            let answer = Api::answer(put(&[("authorization", &bearer), ("content-type", simple)])).await.expect(415);
            assert_eq!(answer.json()["type"], "/problems/not-json", "{simple}");
        }
        for answer in [world.api.get("/orgs").await, world.api.get("/nowhere").await] {
            assert!(!answer.headers.contains_key("set-cookie"));
        }
        assert_eq!(world.count("organizations").await, 1);
        world.end().await;
    }

    async fn a19_no_other_origin_may_read_an_answer(world: World) {
        let paths = ["/orgs", "/orgs/acme", "/orgs/acme/bindings/site/files/a", "/webhooks/github", "/audit", "/metrics", "/readyz", "/openapi.json", "/nowhere"];
        for origin in ["null", "https://evil.example", "http://127.0.0.1"] {
            for path in paths {
                let headers = [("origin", origin), ("cookie", "session=x")];
                let answer = world.api.send(Method::GET, path, None, &headers).await;
                assert_nothing_is_shared(&answer.headers);
                let preflight = [
                    ("origin", origin), ("access-control-request-method", "PUT"),
                    ("access-control-request-headers", "authorization,content-type"), ("access-control-request-private-network", "true"),
                ];
                let answer = world.api.send(Method::OPTIONS, path, None, &preflight).await;
                assert!([404, 405].contains(&answer.status.as_u16()), "{path}: {}", answer.status);
                assert_nothing_is_shared(&answer.headers);
            }
        }
        world.end().await;
    }

    async fn a25_what_needs_no_token_names_no_tenant_and_no_repository(world: World) {
        world.github.create_user("hidden-owner");
        let theirs = world.github.install("hidden-owner", Selection::All).await;
        world.api.put("/orgs/hidden-tenant", json!({})).await.expect(201);
        world.api.put(&format!("/orgs/hidden-tenant/installations/{theirs}"), json!({})).await.expect(201);
        world.repository("hidden-repository", &[("a", "1")]).await;
        world.bind("hidden-binding", "hidden-repository", json!({})).await;
        world.api.get("/orgs/acme/bindings/hidden-binding/files/hidden-file").await.expect(404);
        world.heal().await;
        let client = Client::builder().no_proxy().build().unwrap();
        for path in ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs/"] {
            let answer = Api::answer(client.get(world.api.url(path))).await.expect(200);
            let text = String::from_utf8_lossy(&answer.bytes).into_owned();
            for name in ["hidden-",
                "acme", world.context.config.database.url.redacted().as_str()] {
                assert!(!text.contains(name), "{path}: {name}");
            }
        }
        world.end().await;
    }

    async fn a26_a_large_or_deep_body_is_refused_wherever_one_is_taken(world: World) {
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let client = Client::builder().no_proxy().build().unwrap();
        for (method, path) in [
            (Method::PUT, "/orgs/a".to_owned()),
            (Method::PUT, "/orgs/acme/projects/p".to_owned()),
            (Method::PUT, binding_path("site")),
            (Method::PUT, "/orgs/acme/dashboard-template".to_owned()),
            (Method::POST, "/tokens".to_owned()),
        ] {
            let request = client.request(method.clone(), world.api.url(&path)).bearer_auth(ADMIN);
            let request = request.header("content-type", "application/json").body(deep.clone());
            let answer = Api::answer(request).await.expect(400);
            assert_eq!(answer.json()["type"], "/problems/malformed-body", "{path}");
            // Announced, and refused before it is sent; in chunks, at the limit.
            for framing in ["Content-Length: 10485760", "Transfer-Encoding: chunked"] {
                let mut wire = connect(&world).await;
                let head = format!(
                    "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n\
                     Content-Type: application/json\r\n{framing}\r\n\r\n"
                );
                wire.send(head.as_bytes()).await;
                if framing.starts_with('T') {
                    let chunk = [b"100001\r\n".as_slice(), &vec![b' '; 0x10_0001], b"\r\n"].concat();
                    let _ = wire.try_send(&chunk).await;
                }
                let answer = wire.answer().await.expect(413);
                assert_eq!(answer.json()["type"], "/problems/body-too-large", "{path}");
                assert!(wire.is_closed().await);
            }
        }
        assert_eq!((world.count("bindings").await, world.count("organizations").await), (0, 1));
        world.end().await;
    }

    async fn a27_of_twenty_who_have_seen_the_same_one_changes_it(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let seen = world.api.get(&binding_path("site")).await.expect(200);
        let etag = seen.header("etag").to_owned();
        let puts = join_all((0..20).map(|one| {
            let body = json!({"github_owner": "octo", "github_repo": "templates", "root_path": format!("/{one}")});
            let (world, etag) = (&world, etag.as_str());
            async move { world.api.send(Method::PUT, &binding_path("site"), Some(body), &[("if-match", etag)]).await }
        }));
        let statuses: Vec<u16> = puts.await.iter().map(|answer| answer.status.as_u16()).collect();
        let count = |status: u16| statuses.iter().filter(|other| **other == status).count();
        assert_eq!((count(200), count(412)), (1, 19), "{statuses:?}");
        assert_eq!(world.count("audit_events WHERE action = 'binding.put'").await, 2);
        world.settle().await;
        world.end().await;
    }
}
