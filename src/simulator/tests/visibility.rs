use serde_json::{Value, json};

use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::Selection;

use super::Story;

/// `octo` with the App on one repository of three: `chosen`, `hidden`, and `open`, which is public.
struct Three {
    story: Story,
    octo: InstallationId,
    chosen: RepositoryId,
    hidden: RepositoryId,
    open: RepositoryId,
}

async fn three() -> Three {
    let story = Story::begin().await;
    let github = &story.github;
    github.create_organization("octo");
    let chosen = github.create_repository("octo", "chosen").await;
    let hidden = github.create_repository("octo", "hidden").await;
    let open = github.create_repository("octo", "open").await;
    for repository in [chosen, hidden, open] {
        github
            .push(repository, "main", |files| files.write("a", "1"))
            .await;
    }
    github.publicize(open).await;
    let octo = github.install("octo", Selection::selected([chosen])).await;
    Three {
        story,
        octo,
        chosen,
        hidden,
        open,
    }
}

#[tokio::test]
async fn whoever_has_a_token_reads_what_is_public_though_no_installation_covers_it() {
    let Three {
        story,
        octo,
        chosen,
        hidden,
        open,
    } = three().await;
    story.github.create_user("ann");
    let ann = story.github.install("ann", Selection::All).await;
    for token in [
        story.token(octo).await,
        story.token(ann).await,
        String::new(),
    ] {
        for path in [
            "/repos/octo/open".to_owned(),
            format!("/repositories/{open}"),
        ] {
            assert_eq!(story.read(&path, &token).await["id"], json!(open));
            let head = format!("{path}/commits/heads/main");
            let tree = story.read(&head, &token).await["commit"]["tree"]["sha"].clone();
            let tree = format!("{path}/git/trees/{}", tree.as_str().unwrap());
            assert_eq!(story.read(&tree, &token).await["tree"][0]["path"], "a");
        }
        assert_eq!(
            story
                .status(&format!("/repositories/{hidden}"), &token)
                .await,
            404
        );
    }
    let ann_token = story.token(ann).await;
    assert_eq!(
        story
            .status(&format!("/repositories/{chosen}"), &ann_token)
            .await,
        404
    );
    story.github.privatize(open).await;
    assert_eq!(story.status("/repos/octo/open", &ann_token).await, 404);
}

#[tokio::test]
async fn an_installation_is_found_only_for_what_it_covers() {
    let Three {
        story,
        octo,
        chosen,
        hidden,
        open,
    } = three().await;
    let jwt = story.jwt();
    let asked = async |name: &str, id: RepositoryId| {
        let by_name = story
            .get(&format!("/repos/octo/{name}/installation"), &jwt)
            .await;
        let by_id = story
            .get(&format!("/repositories/{id}/installation"), &jwt)
            .await;
        assert_eq!(by_name.status(), by_id.status(), "{name}");
        let status = by_id.status().as_u16();
        (status, by_id.json::<Value>().await.unwrap()["id"].clone())
    };
    assert_eq!(asked("chosen", chosen).await, (200, json!(octo)));
    assert_eq!(
        asked("hidden", hidden).await.0,
        404,
        "private and not selected"
    );
    assert_eq!(
        asked("open", open).await.0,
        404,
        "public, and still not selected"
    );
    story.github.suspend(octo).await;
    assert_eq!(
        asked("chosen", chosen).await,
        (200, json!(octo)),
        "suspended, not gone"
    );
    story.github.uninstall(octo).await;
    assert_eq!(asked("chosen", chosen).await.0, 404);
}

#[tokio::test]
async fn an_installation_lists_what_it_covers_and_nothing_else() {
    let Three {
        story,
        octo,
        chosen,
        open,
        ..
    } = three().await;
    let token = story.token(octo).await;
    let listed = async || {
        let page = story.read("/installation/repositories", &token).await;
        let repositories = page["repositories"].as_array().unwrap().clone();
        assert_eq!(page["total_count"], repositories.len());
        repositories
            .into_iter()
            .map(|r| r["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [json!(chosen)]);
    story
        .github
        .select(octo, Selection::selected([chosen, open]))
        .await;
    assert_eq!(listed().await, [json!(chosen), json!(open)]);
    story.github.select(octo, Selection::selected([open])).await;
    assert_eq!(listed().await, [json!(open)]);
    assert_eq!(
        story
            .status(&format!("/repositories/{chosen}"), &token)
            .await,
        404
    );
}

#[tokio::test]
async fn what_is_hidden_and_what_is_not_there_are_answered_alike() {
    let Three {
        story,
        octo,
        hidden,
        ..
    } = three().await;
    let token = story.token(octo).await;
    let said = async |path: String| {
        let answer = story.get(&path, &token).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for tail in ["", "/commits/heads/main", "/git/ref/heads/main"] {
        let there = said(format!("/repos/octo/hidden{tail}")).await;
        assert_eq!(there.0, 404);
        assert_eq!(there, said(format!("/repos/octo/nowhere{tail}")).await);
        assert_eq!(there, said(format!("/repositories/{hidden}{tail}")).await);
        assert_eq!(there, said(format!("/repositories/1{tail}")).await);
    }
}
