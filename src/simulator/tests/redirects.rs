use serde_json::{Value, json};

use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::Selection;

use super::Story;

/// `octo/templates`, with the App on `octo` and `ann`.
async fn begin() -> (Story, InstallationId, RepositoryId) {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.create_user("ann");
    let octo = story.github.install("octo", Selection::All).await;
    story.github.install("ann", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    (story, octo, repository)
}

/// Where a name leads, by token and, for the installation, by JWT: both must agree.
async fn leads_to(story: &Story, installation: InstallationId, name: &str) -> (u16, String) {
    let token = story.token(installation).await;
    let direct = story.get(&format!("/repos/{name}"), &token).await;
    let below = story
        .get(&format!("/repos/{name}/git/matching-refs/heads"), &token)
        .await;
    let path = format!("/repos/{name}/installation");
    let app = story.get(&path, &story.jwt()).await;
    assert_eq!(direct.status(), app.status(), "{name}");
    assert_eq!(direct.status(), below.status(), "{name}");
    let location = |answer: &reqwest::Response| {
        let location = answer.headers().get("location");
        location.map(|value| value.to_str().unwrap().to_owned())
    };
    let Some(there) = location(&direct) else {
        return (direct.status().as_u16(), String::new());
    };
    assert_eq!(location(&app), Some(format!("{there}/installation")));
    assert_eq!(
        location(&below),
        Some(format!("{there}/git/matching-refs/heads"))
    );
    let there = there.strip_prefix(&story.github.url()).unwrap();
    (direct.status().as_u16(), there.to_owned())
}

#[tokio::test]
async fn every_former_name_leads_to_the_repository() {
    let (story, octo, repository) = begin().await;
    story.github.rename(repository, "themes").await;
    story.github.rename(repository, "styles").await;
    let there = (301, format!("/repositories/{repository}"));
    for old in ["octo/templates", "octo/themes", "OCTO/Themes"] {
        assert_eq!(leads_to(&story, octo, old).await, there, "{old}");
    }
    assert_eq!(leads_to(&story, octo, "octo/styles").await.0, 200);
    story.github.rename(repository, "templates").await;
    assert_eq!(leads_to(&story, octo, "octo/templates").await.0, 200);
    assert_eq!(leads_to(&story, octo, "octo/themes").await, there);
}

#[tokio::test]
async fn a_name_that_differs_in_case_is_the_same_name() {
    let (story, octo, repository) = begin().await;
    let told = story.github.rename(repository, "Templates").await;
    assert_eq!(told.len(), 1);
    for name in ["octo/templates", "octo/Templates"] {
        assert_eq!(leads_to(&story, octo, name).await.0, 200);
    }
    assert!(
        story
            .github
            .rename(repository, "Templates")
            .await
            .is_empty()
    );
    story.github.rename_owner("octo", "Octo").await;
    assert_eq!(leads_to(&story, octo, "octo/templates").await.0, 200);
    story.github.delete_repository(repository).await;
    assert_eq!(leads_to(&story, octo, "octo/templates").await.0, 404);
}

#[tokio::test]
async fn an_owners_old_login_leads_on_until_a_repository_is_called_so() {
    let (story, octo, repository) = begin().await;
    story.github.rename(repository, "themes").await;
    story.github.rename_owner("octo", "octo-inc").await;
    let there = (301, format!("/repositories/{repository}"));
    for old in ["octo/templates", "octo/themes"] {
        assert_eq!(leads_to(&story, octo, old).await, there, "{old}");
    }
    assert_eq!(leads_to(&story, octo, "octo-inc/themes").await.0, 200);
    story.github.create_organization("octo");
    assert_eq!(
        leads_to(&story, octo, "octo/themes").await,
        there,
        "somebody has the login"
    );
    let another = story.github.create_repository("octo", "themes").await;
    assert_ne!(another, repository);
    assert_eq!(
        leads_to(&story, octo, "octo/themes").await.0,
        404,
        "and it is another's, and private"
    );
    assert_eq!(leads_to(&story, octo, "octo/templates").await, there);
    assert_eq!(leads_to(&story, octo, "octo-inc/themes").await.0, 200);
}

#[tokio::test]
async fn an_owner_that_takes_its_old_login_back_keeps_what_led_there() {
    let (story, octo, repository) = begin().await;
    story.github.rename(repository, "themes").await;
    story.github.rename_owner("octo", "octo-inc").await;
    story.github.rename_owner("octo-inc", "octo").await;
    let there = (301, format!("/repositories/{repository}"));
    assert_eq!(leads_to(&story, octo, "octo/templates").await, there);
    assert_eq!(leads_to(&story, octo, "octo-inc/themes").await, there);
    assert_eq!(leads_to(&story, octo, "octo/themes").await.0, 200);
    story.github.rename_owner("ann", "octo-inc").await;
    assert_eq!(leads_to(&story, octo, "octo-inc/themes").await, there);
}

#[tokio::test]
async fn what_was_given_away_is_found_from_its_old_owner() {
    let (story, octo, repository) = begin().await;
    story.github.transfer(repository, "ann").await;
    let ann = story.github.installation_on("ann").unwrap();
    let there = (301, format!("/repositories/{repository}"));
    assert_eq!(leads_to(&story, ann, "octo/templates").await, there);
    assert_eq!(
        story
            .status("/repos/octo/templates", &story.token(octo).await)
            .await,
        404,
        "who lost it is told nothing"
    );
    let second = story.github.create_repository("octo", "templates").await;
    assert_eq!(leads_to(&story, octo, "octo/templates").await.0, 200);
    let token = story.token(octo).await;
    let found: Value = story.read("/repos/octo/templates", &token).await;
    assert_eq!(found["id"], json!(second));
}
