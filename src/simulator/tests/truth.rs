use crate::github::RepositoryName;
use crate::simulator::{RepositoryTruth, Selection};

use super::Story;

#[tokio::test]
async fn the_truth_follows_every_verb() {
    let story = Story::begin().await;
    let github = &story.github;
    let octo = github.create_organization("octo");
    let ann = github.create_user("ann");
    let repository = github.create_repository("octo", "templates").await;
    let mut expected = RepositoryTruth {
        name: RepositoryName::new("octo", "templates"),
        owner: octo,
        private: true,
        archived: false,
        default_branch: "main".into(),
        installation: None,
        suspended: false,
    };
    assert_eq!(github.truth(repository), Some(expected.clone()));
    let installation = github.install("octo", Selection::All).await;
    github
        .push(repository, "trunk", |files| files.write("a", "1"))
        .await;
    github.suspend(installation).await;
    (expected.installation, expected.suspended) = (Some(installation), true);
    expected.default_branch = "trunk".into();
    assert_eq!(github.truth(repository), Some(expected.clone()));
    github.rename(repository, "themes").await;
    github.transfer(repository, "ann").await;
    github.publicize(repository).await;
    github.archive(repository).await;
    expected = RepositoryTruth {
        name: RepositoryName::new("ann", "themes"),
        owner: ann,
        private: false,
        archived: true,
        installation: None,
        suspended: false,
        ..expected
    };
    assert_eq!(github.truth(repository), Some(expected));
    assert_eq!(github.redirect_of("octo", "templates"), Some(repository));
    github.delete_repository(repository).await;
    assert_eq!(github.truth(repository), None);
    assert!(!github.exists(repository) && github.repositories().is_empty());
    assert_eq!(github.redirect_of("octo", "templates"), None);
}

#[tokio::test]
async fn refs_and_their_trees_are_told_while_there_are_any() {
    let story = Story::begin().await;
    let github = &story.github;
    github.create_organization("octo");
    let repository = github.create_repository("octo", "templates").await;
    let first = github
        .push(repository, "main", |files| files.write("themes/a", "1"))
        .await
        .after;
    github.create_annotated_tag(repository, "v1", first).await;
    let second = github
        .push(repository, "main", |files| files.write("themes/a", "2"))
        .await
        .after;
    let names: Vec<_> = github.refs(repository).into_keys().collect();
    assert_eq!(names, ["refs/heads/main", "refs/tags/v1"]);
    for (full, commit) in [("refs/heads/main", second), ("refs/tags/v1", first)] {
        let tree = github.tree_of_ref(repository, full, "themes");
        assert!(tree.is_some());
        assert_eq!(tree, github.tree_at(repository, commit, "themes"), "{full}");
    }
    assert_eq!(github.tree_of_ref(repository, "refs/heads/x", ""), None);
    assert_eq!(
        github.tree_of_ref(repository, "refs/heads/main", "themes/a"),
        None
    );
    github.delete_repository(repository).await;
    assert_eq!(github.ref_at(repository, "refs/heads/main"), None);
    assert_eq!(github.tree_of_ref(repository, "refs/heads/main", ""), None);
}

#[tokio::test]
async fn an_account_has_one_installation_at_a_time() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    assert_eq!(story.github.installation_on("octo"), None);
    let first = story.github.install("octo", Selection::All).await;
    assert_eq!(story.github.installation_on("OCTO"), Some(first));
    story.github.suspend(first).await;
    assert!(story.github.is_suspended(first));
    story.github.uninstall(first).await;
    assert_eq!(story.github.installation_on("octo"), None);
    let second = story.github.reinstall(first).await;
    assert_eq!(story.github.installation_on("octo"), Some(second));
    assert!(!story.github.is_suspended(second));
}
