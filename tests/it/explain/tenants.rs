//! Who is told what, and what is no question.

use bindery::simulator::Selection;
use reqwest::Method;
use serde_json::{Value, json};

use super::{SITE, bound, by_commit, by_guid, steps};
use crate::support::{Api, World, stories};

async fn token(world: &World, organization: &str, role: &str) -> Api {
    let body = json!({"label": role, "organization": organization, "role": role});
    let made = world
        .api
        .send(Method::POST, "/tokens", Some(body), &[])
        .await;
    let made = made.expect(201).json();
    world
        .api
        .with_token(made["token"].as_str().expect("the token, this once"))
}

async fn asked(api: &Api, query: &str, status: u16) -> Value {
    api.get(&format!("/explain?{query}"))
        .await
        .expect(status)
        .json()
}

stories! {
    async fn a08_a_tenant_is_told_of_its_own_bindings_and_of_no_delivery(world: World) {
        let repo = bound(&world).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let theirs = json!({"github_owner": "octo", "github_repo": "templates"});
        world.api.put("/orgs/other/bindings/theirs", theirs).await.expect(201);
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let (ours, others) = (token(&world, "acme", "viewer").await, token(&world, "other", "admin").await);

        let known = asked(&ours, &by_guid(&pushed), 403).await;
        assert_eq!(known, asked(&ours, "delivery=nothing", 403).await);

        let answer = asked(&ours, &by_commit(&pushed), 200).await;
        assert_eq!(answer["verdict"]["code"], "published");
        assert!(!answer.to_string().contains("/orgs/other"), "{answer}");
        assert_eq!((steps(&answer, "received").len(), steps(&answer, "processed").len()), (1, 0));
        let answer = asked(&ours, SITE, 200).await;
        assert_eq!(answer["verdict"]["code"], "up_to_date");
        assert_eq!((steps(&answer, "sweep").len(), steps(&answer, "head_poll").len()), (0, 0));

        let theirs = asked(&others, &by_commit(&pushed), 200).await;
        assert_eq!(theirs["verdict"]["code"], "not_granted");
        assert!(steps(&theirs, "received").is_empty() && !theirs.to_string().contains("acme"), "{theirs}");
        let not_theirs = asked(&others, SITE, 404).await;
        let nowhere = asked(&others, "binding=/orgs/nowhere/bindings/site", 404).await;
        assert_eq!(not_theirs, nowhere);
        world.end().await;
    }

    async fn a08_what_went_elsewhere_is_not_told_of_any_more(world: World) {
        let repo = bound(&world).await;
        let before = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let ours = token(&world, "acme", "admin").await;
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        world.github.transfer(repo, "ann").await;
        world.github.rename(repo, "plans").await;
        world.settle().await;
        let hers = world.push(repo, &[("a", "hers")]).await;
        world.settle().await;
        for query in [by_commit(&before), by_commit(&hers), SITE.to_owned()] {
            let answer = asked(&ours, &query, 200).await;
            assert_eq!(answer["verdict"]["code"], "not_granted", "{query}");
            for secret in ["plans", "ann/"] {
                assert!(!answer.to_string().contains(secret), "{secret}: {answer}");
            }
            for code in ["received", "event", "ref"] {
                assert!(steps(&answer, code).is_empty(), "{code}: {answer}");
            }
        }
        let all = asked(&world.api, &format!("repository=ann/plans&commit={}", hers.after), 200).await;
        assert_eq!((&all["known"], steps(&all, "received").len()), (&json!(true), 1));
        world.end().await;
    }

    async fn a_question_that_cannot_be_answered_says_what_to_change(world: World) {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        for (query, says) in [
            (String::new(), "one of the three"),
            ("delivery=x&binding=/orgs/a/bindings/b".to_owned(), "one of the three"),
            ("repository=octo/templates".to_owned(), "one of the three"),
            (format!("commit={sha}"), "one of the three"),
            (format!("repository=octo&commit={sha}"), "repository: "),
            (format!("repository=0&commit={sha}"), "repository: "),
            ("repository=octo/templates&commit=0123456".to_owned(), "commit: "),
            ("binding=site".to_owned(), "binding: "),
            ("delivery=%0A".to_owned(), "delivery: "),
            ("guid=x".to_owned(), "guid"),
        ] {
            let problem = asked(&world.api, &query, 400).await;
            assert_eq!(problem["type"], "/problems/invalid-query", "{query}");
            assert!(problem["detail"].as_str().unwrap().contains(says), "{query}: {problem}");
        }
        let upper = format!("repository=octo/templates&commit={}", sha.to_uppercase());
        assert_eq!(asked(&world.api, &upper, 200).await["known"], false);
        asked(&world.api, "binding=/orgs/acme/bindings/nothing", 404).await;
        asked(&world.api.with_token("nobody"), SITE, 401).await;
        world.end().await;
    }
}
