use serde_json::{Value, json};

use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::{Selection, Sent};

use super::Story;

async fn begin() -> (Story, InstallationId, RepositoryId) {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let octo = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    (story, octo, repository)
}

fn events(sent: &[Sent]) -> Vec<String> {
    let name = |sent: &Sent| match &sent.action {
        Some(action) => format!("{}.{action}", sent.event),
        None => sent.event.clone(),
    };
    sent.iter().map(name).collect()
}

#[tokio::test]
async fn a_renamed_owner_is_told_in_as_many_ways_as_the_app_may_hear() {
    let (story, octo, _) = begin().await;
    let github = &story.github;
    let both = github.rename_owner("octo", "a").await;
    assert_eq!(
        events(&both),
        ["organization.renamed", "installation_target.renamed"]
    );
    assert_eq!(
        story.last_payload("organization")["changes"]["login"]["from"],
        "octo"
    );
    let told = story.last_payload("installation_target");
    assert_eq!(
        (&told["account"]["login"], &told["target_type"]),
        (&json!("a"), &json!("Organization"))
    );
    github.unsubscribe("installation_target");
    assert_eq!(
        events(&github.rename_owner("a", "b").await),
        ["organization.renamed"]
    );
    github.subscribe("installation_target");
    let without = [("contents", "read"), ("metadata", "read")];
    github.accept_permissions(octo, &without).await;
    let one = github.rename_owner("b", "c").await;
    assert_eq!(
        events(&one),
        ["installation_target.renamed"],
        "no `members`"
    );
    github.omit_next(1);
    assert!(github.rename_owner("c", "d").await.is_empty());
    github.create_user("ann");
    github.install("ann", Selection::All).await;
    let user = github.rename_owner("ann", "anna").await;
    assert_eq!(events(&user), ["installation_target.renamed"]);
    assert_eq!(
        story.last_payload("installation_target")["target_type"],
        "User"
    );
}

#[tokio::test]
async fn who_loses_a_repository_hears_only_that() {
    let (story, octo, repository) = begin().await;
    let github = &story.github;
    github.create_user("ann");
    github.create_organization("third");
    let ann = github.install("ann", Selection::All).await;
    let told = github.transfer(repository, "ann").await;
    let expected = [
        "installation_repositories.removed",
        "repository.transferred",
        "installation_repositories.added",
    ];
    assert_eq!(events(&told), expected);
    let whose: Vec<_> = told
        .iter()
        .map(|sent| github.delivery(&sent.guid).installation)
        .collect();
    assert_eq!(whose, [Some(octo), Some(ann), Some(ann)]);
    let from = async |to: &str| {
        github.transfer(repository, to).await;
        story.last_payload("repository")["changes"]["owner"]["from"].clone()
    };
    github.install("third", Selection::All).await;
    let Value::Object(user) = from("third").await else {
        panic!()
    };
    assert_eq!(user["user"]["login"], "ann");
    let Value::Object(organization) = from("octo").await else {
        panic!()
    };
    assert_eq!(organization["organization"]["login"], "third");
    github.create_user("nobody");
    let lost = github.transfer(repository, "nobody").await;
    assert_eq!(events(&lost), ["installation_repositories.removed"]);
}

#[tokio::test]
async fn a_fork_is_a_repository_of_its_own() {
    let (story, octo, repository) = begin().await;
    let github = &story.github;
    github.create_user("ann");
    let ann = github.install("ann", Selection::All).await;
    let told = story.told().len();
    let fork = github.fork(repository, "ann").await;
    assert_eq!(
        story.told()[told..],
        ["repository.created", "installation_repositories.added"]
    );
    assert_eq!(story.last_payload("repository")["repository"]["fork"], true);
    assert_ne!(fork, repository);
    assert_eq!(github.refs(fork), github.refs(repository));
    assert_eq!(github.name_of(fork).unwrap().to_string(), "ann/templates");
    let pushed = github
        .push(fork, "main", |files| files.write("a", "2"))
        .await;
    assert_eq!(
        github.delivery(&pushed.delivery.unwrap()).installation,
        Some(ann)
    );
    assert_ne!(github.head(repository, "main"), pushed.after);
    let token = story.token(ann).await;
    let head = story
        .read("/repos/ann/templates/commits/heads/main", &token)
        .await;
    assert_eq!(head["sha"], json!(pushed.after));
    assert_eq!(
        story
            .status(&format!("/repositories/{fork}"), &story.token(octo).await)
            .await,
        404
    );
    github.delete_repository(repository).await;
    assert!(github.exists(fork));
}

#[tokio::test]
async fn a_fork_where_the_name_is_taken_gets_a_number() {
    let (story, _, repository) = begin().await;
    story.github.create_user("ann");
    story.github.create_repository("ann", "templates").await;
    let fork = story.github.fork(repository, "ann").await;
    assert_eq!(story.github.name_of(fork).unwrap().name, "templates-1");
}

#[tokio::test]
async fn a_selection_is_told_by_what_came_and_went() {
    let (story, octo, repository) = begin().await;
    let github = &story.github;
    let other = github.create_repository("octo", "other").await;
    let lists = || {
        let told = story.last_payload("installation_repositories");
        let names = |field: &str| {
            let names = told[field]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["name"].clone());
            names.collect::<Value>()
        };
        let selection = told["repository_selection"].clone();
        (
            selection,
            names("repositories_added"),
            names("repositories_removed"),
        )
    };
    let narrowed = github.select(octo, Selection::selected([repository])).await;
    assert_eq!(events(&narrowed), ["installation_repositories.added"]);
    assert_eq!(lists().2, json!([]), "what was lost is not said");
    assert_eq!(github.truth(other).unwrap().installation, None);
    let added = github.add_to_selection(octo, other).await;
    assert_eq!(events(&added), ["installation_repositories.added"]);
    assert_eq!(lists(), (json!("selected"), json!(["other"]), json!([])));
    let removed = github.remove_from_selection(octo, repository).await;
    assert_eq!(events(&removed), ["installation_repositories.removed"]);
    assert_eq!(
        lists(),
        (json!("selected"), json!([]), json!(["templates"]))
    );
    assert!(github.add_to_selection(octo, other).await.is_empty());
    let widened = github.select(octo, Selection::All).await;
    assert_eq!(events(&widened), ["installation_repositories.added"]);
    assert_eq!(lists(), (json!("all"), json!(["templates"]), json!([])));
}

#[tokio::test]
async fn a_repository_that_was_recreated_is_another_one() {
    let (story, octo, repository) = begin().await;
    let told = story.told().len();
    story.github.delete_repository(repository).await;
    assert_eq!(story.told().len(), told, "no App hears of a deletion");
    let token = story.token(octo).await;
    assert_eq!(
        story
            .status(&format!("/repositories/{repository}"), &token)
            .await,
        404
    );
    let second = story.github.create_repository("octo", "templates").await;
    assert_ne!(second, repository);
    assert_eq!(
        story.read("/repos/octo/templates", &token).await["id"],
        json!(second)
    );
}

#[tokio::test]
async fn what_changes_nothing_tells_nothing() {
    let (story, octo, repository) = begin().await;
    let github = &story.github;
    assert_eq!(
        events(&github.archive(repository).await),
        ["repository.archived"]
    );
    assert!(github.archive(repository).await.is_empty());
    assert_eq!(
        events(&github.unarchive(repository).await),
        ["repository.unarchived"]
    );
    assert!(github.privatize(repository).await.is_empty());
    assert_eq!(
        events(&github.publicize(repository).await),
        ["repository.publicized"]
    );
    assert_eq!(
        events(&github.privatize(repository).await),
        ["repository.privatized"]
    );
    assert!(
        github
            .set_default_branch(repository, "main")
            .await
            .is_empty()
    );
    assert!(github.unsuspend(octo).await.is_empty());
    assert_eq!(
        events(&github.suspend(octo).await),
        ["installation.suspend"]
    );
    assert!(github.suspend(octo).await.is_empty());
    assert!(
        github.rename(repository, "themes").await.is_empty(),
        "nobody may hear it"
    );
}

#[tokio::test]
async fn a_renamed_default_branch_stays_the_default() {
    let (story, _, repository) = begin().await;
    let head = story.github.head(repository, "main");
    let told = story
        .github
        .rename_branch(repository, "main", "trunk")
        .await;
    assert_eq!(
        events(&told),
        ["create", "push", "repository.edited", "delete", "push"]
    );
    assert_eq!(story.github.head(repository, "trunk"), head);
    assert_eq!(
        story.github.truth(repository).unwrap().default_branch,
        "trunk"
    );
    let edited = story.last_payload("repository");
    assert_eq!(edited["changes"]["default_branch"]["from"], "main");
    story.github.create_branch(repository, "work", head).await;
    let other = story.github.rename_branch(repository, "work", "done").await;
    assert_eq!(events(&other), ["create", "push", "delete", "push"]);
}

#[tokio::test]
async fn payloads_may_lack_fields_and_have_others() {
    let (story, _, repository) = begin().await;
    story.github.leave_out(&["sender", "organization"]);
    story.github.put_in("enterprise", json!({"slug": "octo"}));
    story
        .github
        .push(repository, "main", |files| files.write("a", "2"))
        .await;
    let pushed = story.last_payload("push");
    assert!(pushed.get("sender").is_none() && pushed.get("organization").is_none());
    assert_eq!(pushed["enterprise"]["slug"], "octo");
    assert!(pushed["repository"].is_object());
}

#[tokio::test]
async fn an_installation_lists_the_events_that_it_may_hear() {
    let (story, octo, _) = begin().await;
    let events = async || {
        let path = format!("/app/installations/{octo}");
        story.read(&path, &story.jwt()).await["events"].clone()
    };
    let all = json!(["create", "delete", "organization", "push", "repository"]);
    assert_eq!(events().await, all, "the global one is not listed");
    story.github.take_permission("members");
    story.github.unsubscribe("create");
    assert_eq!(events().await, json!(["delete", "push", "repository"]));
}
