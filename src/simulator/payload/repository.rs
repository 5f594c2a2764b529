use serde_json::{Value, json};

use crate::simulator::repository::Repository;
use crate::simulator::world::World;

use super::{fields, node_id, owner, timestamp};

/// Nobody follows these; they are here because real payloads carry them.
const LINKS: [(&str, &str); 20] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("releases_url", "/releases{/id}"),
    ("tags_url", "/tags"),
    ("trees_url", "/git/trees{/sha}"),
];

/// A repository as the API and most events show it: instants are ISO strings.
pub(crate) fn repository(world: &World, repository: &Repository) -> Value {
    let name = world.name_of(repository).to_string();
    let api = format!("{}/repos/{name}", world.host.api());
    let web = format!("{}/{name}", world.host.web());
    let host = world.host.name();
    let mut shown = fields(json!({
        "id": repository.id,
        "node_id": node_id("R", repository.id.get()),
        "name": repository.name,
        "full_name": name,
        "private": repository.private,
        "owner": owner(&world.host, world.owner(repository.owner)),
        "html_url": web,
        "description": null,
        "fork": repository.parent.is_some(),
        "url": api,
    }));
    shown.extend(
        LINKS
            .iter()
            .map(|(field, path)| ((*field).to_owned(), format!("{api}{path}").into())),
    );
    shown.extend(fields(json!({
        "created_at": timestamp(repository.created_at),
        "updated_at": timestamp(repository.updated_at),
        "pushed_at": timestamp(repository.pushed_at),
        "git_url": format!("git://{host}/{name}.git"),
        "ssh_url": format!("git@{host}:{name}.git"),
        "clone_url": format!("{web}.git"),
        "homepage": null,
        "size": repository.objects.len(),
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": null,
    })));
    shown.extend(fields(json!({
        "has_issues": true,
        "has_projects": true,
        "has_downloads": true,
        "has_wiki": true,
        "has_pages": false,
        "forks_count": 0,
        "mirror_url": null,
        "archived": repository.archived,
        "disabled": false,
        "open_issues_count": 0,
        "license": null,
        "allow_forking": true,
        "is_template": false,
        "topics": [],
        "visibility": if repository.private { "private" } else { "public" },
        "default_branch": repository.default_branch,
    })));
    Value::Object(shown)
}

/// A repository as only `push` shows it: instants are integers, the owner has `name` and `email` too.
pub(crate) fn pushed_repository(world: &World, pushed: &Repository) -> Value {
    let account = world.owner(pushed.owner);
    let mut shown = fields(repository(world, pushed));
    let mut account_shown = fields(owner(&world.host, account));
    account_shown.insert("name".into(), account.login.clone().into());
    account_shown.insert("email".into(), Value::Null);
    shown.insert("owner".into(), account_shown.into());
    shown.insert("created_at".into(), pushed.created_at.timestamp().into());
    shown.insert("pushed_at".into(), pushed.pushed_at.timestamp().into());
    shown.insert("master_branch".into(), pushed.default_branch.clone().into());
    shown.insert("stargazers".into(), 0.into());
    Value::Object(shown)
}

/// A repository as `installation` events list it: enough to look it up.
pub(crate) fn brief(world: &World, repository: &Repository) -> Value {
    json!({
        "id": repository.id,
        "node_id": node_id("R", repository.id.get()),
        "name": repository.name,
        "full_name": world.name_of(repository).to_string(),
        "private": repository.private,
    })
}
