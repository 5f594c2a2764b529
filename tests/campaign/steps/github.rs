//! A GitHub that is away, slow, stingy or wrong.

use std::time::{Duration, Instant};

use bindery::simulator::{Fault, Route};

use crate::front::{Front, Wire};
use crate::names::Known;
use crate::scene::{INTERVAL, PATIENCE, Scene};
use crate::step::Outcome;

const AWAY: Duration = Duration::from_secs(6);
const SHUT: Duration = Duration::from_secs(8);

pub async fn unreachable(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let before = given_up(scene).await?;
    for _ in 0..times {
        match &scene.hub.names {
            Ok(names) => {
                for known in [Known::Nobody, Known::Failing] {
                    names.set(known);
                    // What is connected needs no name.
                    cut(&scene.hub.wire).await;
                    tokio::time::sleep(AWAY / 2).await;
                }
                names.set(Known::Yes);
            }
            Err(_) => {
                scene.hub.wire.set(Wire::Closed);
                tokio::time::sleep(AWAY).await;
                scene.hub.wire.set(Wire::Open);
            }
        }
        outcome.recovered(scene.recover().await);
    }
    match &scene.hub.names {
        Ok(_) => outcome.note("half of the time NXDOMAIN, half SERVFAIL"),
        Err(why) => outcome.note(format!(
            "connections were refused; failing names were **not run here**: {why}"
        )),
    }
    nobody_gave_up(scene, before, &mut outcome).await?;
    Ok(outcome)
}

async fn cut(wire: &Front) {
    wire.set(Wire::Closed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    wire.set(Wire::Open);
}

pub async fn failing(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let (mut chance, mut outcome) = (scene.chance("failing"), Outcome::default());
    let before = given_up(scene).await?;
    for _ in 0..times {
        let status = *chance.pick(&[500, 502, 503, 504]);
        scene.hub.github.fail(Fault::anywhere().status(status));
        tokio::time::sleep(AWAY).await;
        scene.hub.github.clear_faults();
        outcome.recovered(scene.recover().await);
    }
    nobody_gave_up(scene, before, &mut outcome).await?;
    Ok(outcome)
}

/// An outage uses up no attempts, and makes nothing gone.
async fn nobody_gave_up(scene: &Scene, before: i64, outcome: &mut Outcome) -> anyhow::Result<()> {
    let gone = "SELECT COUNT(*)::text AS line FROM repositories WHERE reachability <> 'reachable'";
    let (discarded, gone) = (
        given_up(scene).await? - before,
        scene.store.number(gone).await?,
    );
    outcome.demand(discarded == 0, || format!("{discarded} jobs were given up"));
    outcome.demand(gone == 0, || {
        format!("{gone} repositories were taken for gone")
    });
    Ok(())
}

/// So far, when a job's worker was killed a dozen times.
async fn given_up(scene: &Scene) -> anyhow::Result<i64> {
    let discarded = "SELECT COUNT(*)::text AS line FROM jobs WHERE state = 'discarded' \
        AND kind = 'content_sync'";
    scene.store.number(discarded).await
}

pub async fn partition(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let before = given_up(scene).await?;
    for _ in 0..times {
        scene.door.set(Wire::Closed);
        scene.hub.wire.set(Wire::Closed);
        tokio::time::sleep(SHUT).await;
        scene.hub.wire.set(Wire::Open);
        scene.door.set(Wire::Open);
        outcome.recovered(calm_down(scene).await);
    }
    nobody_gave_up(scene, before, &mut outcome).await?;
    Ok(outcome)
}

pub async fn door_closed(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for _ in 0..times {
        scene.door.set(Wire::Closed);
        // The push itself is not received: the sweep fetches it, or the poll sees what it did.
        let probe = scene.probe(2, PATIENCE).await;
        scene.door.set(Wire::Open);
        if let Ok(lag) = &probe {
            let (lag, limit) = (*lag, INTERVAL + Duration::from_secs(5));
            outcome.demand(lag <= limit, || {
                format!("{lag:?} with an interval of {INTERVAL:?}")
            });
        }
        outcome.recovered(probe);
    }
    outcome.note("recovery is the lag of a push while no delivery got in");
    Ok(outcome)
}

/// Until all that was missed has been found.
async fn calm_down(scene: &Scene) -> anyhow::Result<Duration> {
    scene.load.set(0);
    scene.sender.idle().await;
    let converged = scene.converge(PATIENCE).await;
    scene.load.set(super::CALM_RATE);
    converged
}

pub async fn limited(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let pause = Duration::from_secs(5);
    for _ in 0..times {
        let usual = slowest_push(scene, pause).await?;
        let limited = scene.hub.accounts[3].installation;
        scene.hub.github.take_requests();
        scene.hub.github.secondary_limit(limited, Some(pause));
        let worst = slowest_push(scene, pause).await?;
        let refused = scene.hub.github.take_requests().into_iter();
        let refused = refused
            .filter(|request| request.installation == Some(limited) && request.status == 403)
            .count();
        outcome.demand(worst < usual * 2 + Duration::from_secs(2), || {
            format!("others waited {worst:?} behind one installation's limit, and {usual:?} before")
        });
        // Those that were on their way when the first was refused.
        outcome.demand(refused <= 24, || {
            format!("{refused} requests of who must wait")
        });
        outcome.note(format!(
            "{refused} requests refused; others' slowest push {worst:.1?}, before it {usual:.1?}"
        ));
        outcome.recovered(scene.probe(3, PATIENCE).await);
    }
    Ok(outcome)
}

/// Of pushes to another account, one after the other for that long.
async fn slowest_push(scene: &Scene, time: Duration) -> anyhow::Result<Duration> {
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < time {
        slowest = slowest.max(scene.probe(1, PATIENCE).await?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(slowest)
}

pub async fn lying(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let lag = Duration::from_secs(2);
    for _ in 0..times {
        // What it says must not become older than what it said before: that GitHub never does.
        scene.load.set(0);
        tokio::time::sleep(lag).await;
        scene.hub.github.lag_refs(lag);
        scene
            .hub
            .github
            .fail(Fault::on(Route::Tree).after(2).times(3).cut());
        scene
            .hub
            .github
            .fail(Fault::on(Route::Blob).after(1).times(3).cut());
        scene
            .hub
            .github
            .fail(Fault::on(Route::HookDeliveries).times(1).cut());
        scene.hub.github.expire_cursors();
        scene.load.set(super::CALM_RATE);
        tokio::time::sleep(AWAY).await;
        scene.hub.github.clear_faults();
        scene.hub.github.lag_refs(Duration::ZERO);
        outcome.recovered(scene.recover().await);
    }
    Ok(outcome)
}
