//! Who goes first: what somebody waits for, and then the installation that has the least.

use std::time::Duration;

use bindery::ids::InstallationRowId;
use bindery::installation;
use bindery::queue::NewJob;
use chrono::TimeDelta;

use super::bench::{Bench, bulk, by_a_person, request, settings};
use super::script::{Gate, completes, held};
use crate::support::stories;

impl Bench {
    async fn enqueue_for(&self, installation: InstallationRowId, targets: &[i64]) {
        for target in targets {
            let installation_id = Some(installation);
            self.enqueue(NewJob {
                installation_id,
                ..request(*target)
            })
            .await;
            self.clock.advance(Duration::from_secs(1));
        }
    }

    /// Workers take as much as they get, and hold on to it.
    async fn occupy(&self, jobs: usize) -> (Vec<Gate>, Vec<tokio::task::JoinHandle<usize>>) {
        let (mut gates, mut tasks) = (Vec::new(), Vec::new());
        for _ in 0..jobs {
            let (turn, mut gate) = held(completes());
            self.script.add([turn]);
            tasks.push(self.draining(&self.worker));
            gate.begun().await;
            gates.push(gate);
        }
        (gates, tasks)
    }

    async fn let_go(&self, gates: Vec<Gate>, tasks: Vec<tokio::task::JoinHandle<usize>>) {
        gates.into_iter().for_each(Gate::open);
        for task in tasks {
            task.await.unwrap();
        }
    }
}

stories! {
    async fn bulk_work_never_goes_before_what_somebody_waits_for(bench: Bench) {
        for target in 1..=3 {
            bench.enqueue(bulk(target)).await;
        }
        bench.clock.advance(Duration::from_secs(3600));
        bench.enqueue(request(4)).await;
        bench.drain().await;
        assert_eq!(bench.script.targets(), [4, 1, 2, 3]);
        bench.end().await;
    }

    async fn the_job_that_is_due_longest_goes_first(bench: Bench) {
        for target in [3, 1, 2] {
            bench.enqueue(request(target)).await;
            bench.clock.advance(Duration::from_secs(1));
        }
        bench.drain().await;
        assert_eq!(bench.script.targets(), [3, 1, 2]);
        bench.end().await;
    }

    async fn one_installation_cannot_take_all_workers(bench: Bench) {
        let busy = bench.installation(1).await;
        bench.enqueue_for(busy, &[1, 2, 3, 4]).await;
        let (gates, tasks) = bench.occupy(2).await;
        assert_eq!(bench.worker("b", settings()).drain().await.unwrap(), 0, "two is its share");
        let other = bench.installation(2).await;
        bench.enqueue_for(other, &[5]).await;
        bench.enqueue(request(6)).await;
        assert_eq!(bench.worker("b", settings()).drain().await.unwrap(), 2, "others go on");
        bench.let_go(gates, tasks).await;
        assert_eq!(bench.script.targets(), [1, 2, 5, 6, 3, 4]);
        bench.end().await;
    }

    async fn the_least_busy_installation_goes_first(bench: Bench) {
        let (busy, idle) = (bench.installation(1).await, bench.installation(2).await);
        bench.enqueue_for(busy, &[1, 2]).await;
        bench.enqueue_for(idle, &[3]).await;
        let (gates, tasks) = bench.occupy(2).await;
        assert_eq!(bench.script.targets(), [1, 3], "though 2 waits longer");
        bench.let_go(gates, tasks).await;
        bench.end().await;
    }

    async fn f20_a_paused_installations_jobs_wait_and_no_others(bench: Bench) {
        let (paused, other) = (bench.installation(1).await, bench.installation(2).await);
        bench.enqueue_for(paused, &[1]).await;
        bench.enqueue_for(other, &[2]).await;
        bench.enqueue(request(3)).await;
        let until = bench.clock.now() + TimeDelta::seconds(120);
        let mut conn = bench.db.write().await.unwrap();
        installation::pause(paused, until, &mut conn).await.unwrap();
        installation::pause(paused, until - TimeDelta::seconds(60), &mut conn).await.unwrap();
        drop(conn);
        bench.drain().await;
        assert_eq!(bench.script.targets(), [2, 3]);
        bench.clock.advance(Duration::from_micros(119_999_999));
        bench.enqueue(by_a_person(1)).await;
        assert_eq!(bench.drain().await, 0, "not even for a person");
        bench.clock.advance(Duration::from_micros(1));
        assert_eq!(bench.drain().await, 1);
        bench.end().await;
    }
}
