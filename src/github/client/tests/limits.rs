use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use rstest::rstest;
use serde_json::json;
use wiremock::ResponseTemplate;

use super::support::*;
use crate::github::client::budget::{Asker, Budgets};
use crate::github::client::rate_limit::{Pause, Signal};
use crate::github::client::{ClientLimits, GitHub};
use crate::github::{GitHubError, RateLimitKind};

/// Until when the answer to the next request says to wait.
async fn limited(world: &World, client: &GitHub) -> (TimeDelta, RateLimitKind) {
    match world.ask(client).await {
        Err(GitHubError::RateLimited { until, kind }) => (until - world.clock.now(), kind),
        other => panic!("{other:?}"),
    }
}

fn reset_in(template: ResponseTemplate, now: DateTime<Utc>, seconds: i64) -> ResponseTemplate {
    let reset = (now.timestamp() + seconds).to_string();
    template
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", reset.as_str())
}

#[tokio::test]
async fn g01_a_spent_budget_silences_one_installation_until_its_reset() {
    let world = World::new().await;
    world
        .first(
            1,
            REPOSITORY,
            reset_in(ResponseTemplate::new(403), noon(), 120),
        )
        .await;
    let good = ResponseTemplate::new(200).set_body_json(repository_json());
    world.on(REPOSITORY, good).await;
    let client = world.client();
    let wait = TimeDelta::seconds(121);
    assert_eq!(
        limited(&world, &client).await,
        (wait, RateLimitKind::Primary)
    );
    assert_eq!(client.paused_until(installation(1)), Some(noon() + wait));

    world.clock.advance(Duration::from_secs(120));
    limited(&world, &client).await;
    assert_eq!(world.requests().await.len(), 1, "nothing is sent");
    assert_eq!(client.paused_until(installation(2)), None);
    world
        .ask_as(&client, 2)
        .await
        .expect("another installation's budget");

    world.clock.advance(Duration::from_secs(1));
    world.ask(&client).await.expect("the budget is new");
    assert_eq!(client.paused_until(installation(1)), None);
}

#[tokio::test]
async fn the_last_request_of_a_budget_is_answered_and_then_it_is_quiet() {
    let world = World::new().await;
    let last = ResponseTemplate::new(200).set_body_json(repository_json());
    world.on(REPOSITORY, reset_in(last, noon(), 600)).await;
    let client = world.client();
    world.ask(&client).await.expect("the last one");
    limited(&world, &client).await;
    assert_eq!(world.requests().await.len(), 1);
}

#[tokio::test]
async fn a_reset_is_an_instant_of_githubs_clock() {
    let world = World::new().await;
    let theirs = noon() + TimeDelta::minutes(20);
    let template = ResponseTemplate::new(403).insert_header("date", http_date(theirs).as_str());
    world
        .on_exactly(REPOSITORY, reset_in(template, theirs, 120))
        .await;
    let (wait, _) = limited(&world, &world.client()).await;
    assert_eq!(wait, TimeDelta::seconds(121));
}

#[rstest]
#[case::said(403, "60", 60)]
#[case::too_many(429, "17", 17)]
#[case::nothing(429, "0", 1)]
#[case::in_the_past(429, "-5", 1)]
#[case::beyond_belief(429, "99999999999999", 86_400)]
#[case::no_number(429, "soon", 60)]
#[case::no_time_at_all(403, "9223372036854775807", 60)]
#[tokio::test]
async fn g02_retry_after_is_obeyed(#[case] status: u16, #[case] after: &str, #[case] wait: i64) {
    let world = World::new().await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(status).insert_header("retry-after", after),
        )
        .await;
    let expected = (TimeDelta::seconds(wait), RateLimitKind::Secondary);
    assert_eq!(limited(&world, &world.client()).await, expected);
}

#[tokio::test]
async fn g02_without_a_word_of_how_long_it_doubles_from_a_minute() {
    let world = World::new().await;
    let message = json!({ "message": "You have exceeded a secondary rate limit." });
    let unsaid = ResponseTemplate::new(403).set_body_json(message);
    world.first(8, REPOSITORY, unsaid.clone()).await;
    let good = ResponseTemplate::new(200).set_body_json(repository_json());
    world.first(1, REPOSITORY, good).await;
    world.on(REPOSITORY, unsaid).await;
    let client = world.client();
    for seconds in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let wait = TimeDelta::seconds(seconds);
        assert_eq!(
            limited(&world, &client).await,
            (wait, RateLimitKind::Secondary)
        );
        world.clock.advance(wait.to_std().expect("positive"));
    }
    world.ask(&client).await.expect("at last");
    let (wait, _) = limited(&world, &client).await;
    assert_eq!(wait, TimeDelta::seconds(60), "a success ends the row");
}

#[tokio::test]
async fn another_403_is_no_rate_limit() {
    let world = World::new().await;
    let locked = ResponseTemplate::new(403)
        .insert_header("x-ratelimit-remaining", "4999")
        .set_body_json(json!({ "message": "Repository access blocked" }));
    world.on(REPOSITORY, locked).await;
    let client = world.client();
    let error = world.ask(&client).await.expect_err("blocked");
    assert!(matches!(error, GitHubError::AccessLost(_)), "{error:?}");
    assert_eq!(client.paused_until(installation(1)), None);
}

#[tokio::test]
async fn a_limit_on_minting_silences_the_app_and_no_installation() {
    let world = World::without_tokens().await;
    let mint = "/app/installations/1/access_tokens";
    world
        .on(
            mint,
            ResponseTemplate::new(429).insert_header("retry-after", "30"),
        )
        .await;
    let client = world.client();
    limited(&world, &client).await;
    limited(&world, &client).await;
    let all = world.server.received_requests().await.expect("recorded");
    assert_eq!(all.len(), 1, "no second mint");
    assert_eq!(
        client.app_paused_until(),
        Some(noon() + TimeDelta::seconds(30))
    );
    assert_eq!(client.paused_until(installation(1)), None);
}

#[tokio::test]
async fn a_pause_known_from_elsewhere_holds_and_is_not_shortened() {
    let world = World::new().await;
    let client = world.client();
    let until = noon() + TimeDelta::minutes(9);
    client.pause(installation(1), until);
    client.pause(installation(1), noon() + TimeDelta::minutes(1));
    assert_eq!(client.paused_until(installation(1)), Some(until));
    limited(&world, &client).await;
    let all = world.server.received_requests().await.expect("recorded");
    assert!(all.is_empty(), "not even a mint");
}

#[test]
fn requests_sent_together_are_one_strike() {
    let mut pause = Pause::default();
    for _ in 0..8 {
        pause.learn(Some(Signal::Unsaid), false, noon());
    }
    pause.learn(None, true, noon());
    let until = |pause: &Pause, now| pause.at(now).map(|(until, _)| until - now);
    assert_eq!(until(&pause, noon()), Some(TimeDelta::seconds(60)));
    let later = noon() + TimeDelta::seconds(60);
    pause.learn(Some(Signal::Unsaid), false, later);
    assert_eq!(until(&pause, later), Some(TimeDelta::seconds(120)));
}

#[tokio::test]
async fn g35_one_installation_has_its_places_and_no_more() {
    let budgets = Budgets::new(ClientLimits {
        max_in_flight_per_installation: 2,
        ..ClientLimits::default()
    });
    let one = budgets.of(Asker::Installation(installation(1)));
    let (first, _second) = (one.enter().await, one.enter().await);
    assert!(
        one.enter().now_or_never().is_none(),
        "both places are taken"
    );
    let other = budgets.of(Asker::Installation(installation(2)));
    assert!(other.enter().now_or_never().is_some(), "another's are free");
    drop(first);
    assert!(one.enter().now_or_never().is_some());
}

#[tokio::test]
async fn g35_all_together_have_their_places_and_no_more() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.max_in_flight = 1;
    let client = GitHub::new(config, world.clock.clone()).expect("a client");
    let _place = client.transport.enter().await;
    assert!(client.transport.enter().now_or_never().is_none());
}

#[tokio::test]
async fn who_waits_for_a_place_learns_of_a_pause_before_sending() {
    let world = World::new().await;
    let good = ResponseTemplate::new(200).set_body_json(repository_json());
    world.on(REPOSITORY, good).await;
    let mut config = world.config();
    config.limits.max_in_flight_per_installation = 1;
    let client = GitHub::new(config, world.clock.clone()).expect("a client");
    world.ask(&client).await.expect("a token is there now");

    let budget = client.budgets.of(Asker::Installation(installation(1)));
    let place = budget.enter().await;
    let mut waiting = Box::pin(world.ask(&client));
    assert!(waiting.as_mut().now_or_never().is_none());
    client.pause(installation(1), noon() + TimeDelta::minutes(1));
    drop(place);
    let error = waiting.await.expect_err("paused meanwhile");
    assert!(
        matches!(error, GitHubError::RateLimited { .. }),
        "{error:?}"
    );
    assert_eq!(world.requests().await.len(), 1);
}
