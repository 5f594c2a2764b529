//! All of it together: the world goes on, nobody is told, or only of some of it, and all is well in the end.

use bindery::simulator::Selection;
use serde_json::json;

use super::{access, an_interval_later, bound, name};
use crate::support::{World, stories};

stories! {
    async fn i3_with_every_webhook_dropped_everything_converges_within_one_interval(world: World) {
        let repo = bound(&world).await;
        world.heal().await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.settle().await;
        world.github.lose_all(true);
        world.github.rename(repo, "themes").await;
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "2")]).await;
        let head = world.push(repo, &[("a", "3")]).await.after;
        world.github.create_branch(repo, "trunk", head).await;
        world.github.set_default_branch(repo, "trunk").await;
        world.github.push(repo, "trunk", |change| change.write("a", "4")).await;
        an_interval_later(&world).await;
        assert_eq!((name(&world).await, access(&world).await), ("ann/themes".into(), "reachable".into()));
        assert_eq!(world.files("site").await["a"], "4");
        world.end().await;
    }

    async fn f21_a_partition_of_six_hours_heals_by_itself(world: World) {
        let repo = bound(&world).await;
        world.heal().await;
        world.github.lose_all(true);
        world.github.fail(bindery::simulator::Fault::anywhere().status(503));
        for hour in 0..6 {
            world.push(repo, &[("a", &format!("hour {hour}"))]).await;
            world.github.rename(repo, &format!("name-{hour}")).await;
            for _ in 0..12 {
                an_interval_later(&world).await;
            }
        }
        assert_eq!((access(&world).await, &*world.files("site").await["a"]), ("reachable".into(), "1"));
        world.github.lose_all(false);
        world.github.clear_faults();
        an_interval_later(&world).await;
        assert_eq!((name(&world).await, &*world.files("site").await["a"]), ("octo/name-5".into(), "hour 5"));
        world.end().await;
    }

    async fn f26_some_never_arrive_and_some_never_exist(world: World) {
        let mut repos = Vec::new();
        for n in 0..5 {
            let repo = format!("repo-{n}");
            repos.push(world.repository(&repo, &[("a", "0")]).await);
            world.bind(&repo, &repo, json!({})).await;
        }
        world.heal().await;
        for turn in 1..=40_usize {
            match turn {
                turn if turn % 20 == 0 => world.github.omit_next(1),
                turn if turn % 5 == 0 => world.github.lose_next(1),
                _ => {}
            }
            world.push(repos[turn % 5], &[("a", &turn.to_string())]).await;
        }
        world.settle().await;
        an_interval_later(&world).await;
        for (n, turn) in [(0, 40), (1, 36), (2, 37), (3, 38), (4, 39)] {
            let files = world.files(&format!("repo-{n}")).await;
            assert_eq!(files["a"], turn.to_string(), "repo-{n}");
        }
        world.end().await;
    }
}
