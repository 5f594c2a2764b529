//! A PostgreSQL that is there and does not answer.

use std::time::{Duration, Instant};

use bindery::clock::Clock;
use bindery::context::Context;
use bindery::serve::Http;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{ADMIN, Api, Engine, Proxy, TestDatabase, begin, config};
use crate::webhook::post::{PATH, Post};
use crate::webhook::wire::Wire;

/// A service whose PostgreSQL can be frozen.
struct Outage {
    api: Api,
    http: Http,
    context: Context,
    proxy: Proxy,
    database: TestDatabase,
}

impl Outage {
    async fn new() -> Self {
        let database = TestDatabase::create(Engine::Postgres).await;
        let mut url: url::Url = database.url.parse().expect("a URL");
        let server = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let proxy = Proxy::to(server.to_owned()).await;
        url.set_ip_host(proxy.address.ip()).expect("an address");
        url.set_port(Some(proxy.address.port())).expect("a port");
        let config = config(url.as_str(), "http://127.0.0.1:9", &[]);
        let context = Context::open(config, Clock::manual(begin()))
            .await
            .expect("a database");
        let http = Http::start(&context).await.expect("a server");
        let api = Api::new(&http.base_url, ADMIN);
        api.put("/orgs/acme", json!({})).await.expect(201);
        Self {
            api,
            http,
            context,
            proxy,
            database,
        }
    }

    /// The status, the problem's type and how long it took.
    async fn timed(
        &self,
        request: impl Future<Output = crate::support::Answer>,
    ) -> (u16, String, Duration) {
        let begun = Instant::now();
        let answer = request.await;
        assert!(
            answer.status != 503
                || !answer.header("retry-after").is_empty()
                || answer.header("content-type") == "application/json"
        );
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        for told in [
            self.database.url.as_str(),
            "127.0.0.1",
            "bindery_test",
            "postgres",
        ] {
            assert!(!text.contains(told), "{text}");
        }
        (answer.status.as_u16(), text, begun.elapsed())
    }

    async fn delivers(&self, post: &Post) -> (u16, Duration) {
        let begun = Instant::now();
        let url: url::Url = self.api.url(PATH).parse().expect("a URL");
        let wire = Wire::connect(&url[url::Position::BeforeHost..url::Position::AfterPort]).await;
        (post.send_on(wire).await.status, begun.elapsed())
    }

    async fn end(self) {
        self.http.abort().await;
        drop(self.context);
        self.database.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_a25_while_postgresql_is_frozen_all_is_answered_in_time_and_says_nothing_of_it() {
    let outage = Outage::new().await;
    let api = &outage.api;
    outage.proxy.freeze();
    let post = Post::push();
    let many = join_all((0..40).map(|_| outage.timed(api.get("/orgs"))));
    let (read, written, delivered, ready, lives, metrics, many) = tokio::join!(
        outage.timed(api.get("/orgs/acme")),
        outage.timed(api.put("/orgs/acme/projects/p", json!({}))),
        outage.delivers(&post),
        outage.timed(api.get("/readyz")),
        outage.timed(api.get("/livez")),
        outage.timed(api.get("/metrics")),
        many,
    );
    let within = |limit: u64| move |took: Duration| took < Duration::from_secs(limit);
    for (status, text, took) in many.into_iter().chain([read, written]) {
        assert!(
            status == 503 && within(9)(took),
            "{status} after {took:?}: {text}"
        );
        assert!(text.contains("unavailable"), "{text}");
    }
    assert!(
        delivered.0 == 503 && within(9)(delivered.1),
        "{delivered:?}"
    );
    assert!(ready.0 == 503 && within(4)(ready.2), "{ready:?}");
    assert!(ready.1.contains("the database"), "{ready:?}");
    assert!(lives.0 == 200 && within(2)(lives.2), "{lives:?}");
    assert!(
        metrics.0 == 200 && within(4)(metrics.2) && metrics.1.contains("bindery_database_up 0"),
        "{:?}",
        metrics.2
    );
    outage.proxy.thaw();
    api.put("/orgs/acme/projects/p", json!({})).await;
    api.get("/orgs/acme/projects/p").await.expect(200);
    assert_eq!(outage.delivers(&post).await.0, 202);
    api.get("/readyz").await.expect(200);
    outage.end().await;
}
