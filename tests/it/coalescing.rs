//! Jobs name targets: a duplicate costs nothing.

use serde_json::json;

use crate::support::{World, stories};

stories! {
    async fn f24_a_delivery_sent_five_times_makes_one_job(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let push = world.push(repo, &[("a", "2")]).await;
        let guid = push.delivery.expect("a delivery");
        for _ in 0..4 {
            let sent = world.github.redeliver(&guid).await;
            assert_eq!((sent.status, sent.body.contains("duplicate")), (Some(202), true));
        }
        let before = world.jobs().await.len();
        world.settle().await;
        assert_eq!(world.jobs().await.len(), before + 1);
        assert_eq!(world.count("deliveries WHERE event = 'push' AND state = 'processed'").await, 2 - 1);
        world.end().await;
    }

    async fn a_hundred_pushes_while_one_sync_waits_make_one_sync(world: World) {
        let repo = world.repository("templates", &[("a", "0")]).await;
        world.bind("site", "templates", json!({})).await;
        let before = world.jobs().await.len();
        for n in 1..=100 {
            world.push(repo, &[("a", &n.to_string())]).await;
        }
        assert_eq!(world.workers.inbox.drain().await.unwrap(), 100);
        assert_eq!(world.jobs().await.len(), before + 1);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "100");
        assert_eq!(world.last_job().await.attempt, 1);
        world.end().await;
    }

    async fn a_forced_sync_joins_what_waits_and_says_so(world: World) {
        let repo = world.repository("templates", &[("a", "0")]).await;
        world.bind("site", "templates", json!({})).await;
        world.push(repo, &[("a", "1")]).await;
        world.workers.inbox.drain().await.unwrap();
        let answer = world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        let body = answer.json();
        assert_eq!(body["coalesced"], true);
        assert_eq!(body["queue_job_id"], world.last_job().await.id.get());
        assert_eq!(answer.header("location"), body["queue_job_url"].as_str().unwrap());
        world.settle().await;
        world.end().await;
    }

    async fn reordered_pushes_end_at_the_newest(world: World) {
        let repo = world.repository("templates", &[("a", "0")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.hold_deliveries();
        let mut guids = Vec::new();
        for n in 1..=5 {
            guids.push(world.push(repo, &[("a", &n.to_string())]).await.delivery.unwrap());
        }
        guids.reverse();
        for guid in &guids {
            world.github.deliver(guid).await;
            world.settle().await;
            assert_eq!(world.files("site").await["a"], "5", "what GitHub has now is what is published");
        }
        world.github.release_deliveries().await;
        world.settle().await;
        world.end().await;
    }

    async fn e28_w49_a_replay_moves_nothing_back(world: World) {
        let repo = world.repository("templates", &[("a", "0")]).await;
        world.bind("site", "templates", json!({})).await;
        let old = world.push(repo, &[("a", "1")]).await.delivery.unwrap();
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.clock.advance(std::time::Duration::from_secs(71 * 3600));
        // The same signed bytes under a new GUID, as a replayer would send them.
        let (mut headers, body) = world.github.raw(&old);
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-github-delivery"));
        headers.push(("X-GitHub-Delivery".into(), "another".into()));
        assert_eq!(world.deliver_raw(&headers, body).await.status, 202);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        assert_eq!(world.last_job().await.result.unwrap().0["outcome"], "unchanged");
        world.end().await;
    }
}
