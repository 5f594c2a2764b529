//! What a tenant can find out about a private repository that it may not bind: nothing, not even that
//! there is one.

use std::collections::BTreeMap;

use bindery::github::ids::{InstallationId, RepositoryId};
use bindery::simulator::Selection;
use serde_json::{Value, json};

use crate::support::{Api, Either, World, binding_path, stories};

/// What is at the name that the tenant binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    /// Nobody has that login.
    NoOwner,
    /// The App is installed there, and nothing is called so.
    NoRepository,
    Private,
    /// Somebody else's by a grant, besides.
    OfAnotherTenant,
    Suspended,
    /// It was called so once.
    Renamed,
}

/// A tenant that binds a name, over and over, and everything that it gets to see.
struct Tenant {
    world: World,
    api: Api,
    /// The tenant's own jobs: their numbers have gaps, for all organisations' are counted together.
    jobs: Vec<String>,
    /// The tag that each path had when it was last read.
    tags: BTreeMap<String, String>,
    seen: Vec<String>,
}

impl Tenant {
    async fn of(world: World) -> Self {
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let body = json!({"label": "curious", "organization": "acme", "role": "admin"});
        let made = world
            .api
            .send(reqwest::Method::POST, "/tokens", Some(body), &[]);
        let made = made.await.expect(201).json();
        let api = world
            .api
            .with_token(made["token"].as_str().expect("the token, this once"));
        Self {
            world,
            api,
            jobs: Vec::new(),
            tags: BTreeMap::new(),
            seen: Vec::new(),
        }
    }

    /// The steps of the story; what happens at GitHub between them only where there is something.
    async fn find_out(mut self, secret: Secret) -> Vec<String> {
        let repo = prepare(&self.world, secret).await;
        self.world.settle().await;
        self.world.github.take_requests();
        let name = json!({"github_owner": "ann", "github_repo": "secret", "github_ref": "main"});
        self.put(name.clone()).await;
        self.look().await;
        self.push(repo).await;
        self.look().await;
        self.world.settle().await;
        self.look().await;
        self.world.clock.advance(std::time::Duration::from_secs(60));
        self.stir(repo).await;
        self.look().await;
        self.push(repo).await;
        self.world.settle().await;
        self.look().await;
        let again = self
            .api
            .post(&format!("{}/sync", binding_path("site")))
            .await;
        self.note("sync", &again.expect(202).json());
        // While it waits.
        self.push(repo).await;
        self.look().await;
        self.world.settle().await;
        self.look().await;
        self.put(name).await;
        self.put(json!({"github_owner": "ann", "github_repo": "secret", "github_ref": null}))
            .await;
        self.push(repo).await;
        self.world.settle().await;
        self.look().await;
        self.world.end().await;
        self.seen
    }

    async fn put(&mut self, body: Value) {
        let answer = self.api.put(&binding_path("site"), body).await;
        self.note(&format!("put: {}", answer.status), &answer.json());
    }

    async fn push(&self, repo: Option<RepositoryId>) {
        if let Some(repo) = repo {
            self.world.push(repo, &[("a", "1")]).await;
            self.world
                .workers
                .inbox
                .drain()
                .await
                .expect("the inbox works");
        }
    }

    /// Whatever else can happen to a repository, and leaves it where it is.
    async fn stir(&self, repo: Option<RepositoryId>) {
        let github = &self.world.github;
        if let Some(repo) = repo {
            let name = github.name_of(repo).expect("it is there").name;
            github.rename(repo, "elsewhere").await;
            github.rename(repo, &name).await;
            github.publicize(repo).await;
            github.privatize(repo).await;
            github.rename_owner("ann", "bea").await;
            github.rename_owner("bea", "ann").await;
            self.world.settle().await;
        }
        // What is asked because of the events is asked in nobody's name.
        github.take_requests();
    }

    /// Every route that a tenant may read, or might.
    async fn look(&mut self) {
        let site = binding_path("site");
        let mut paths: Vec<String> = ["", "/files", "/files/a", "/effective", "/diff"]
            .iter()
            .map(|below| format!("{site}{below}"))
            .collect();
        for path in [
            "/orgs",
            "/orgs/acme",
            "/orgs/acme/bindings",
            "/orgs/acme/bindings?repository=ann/secret",
            "/orgs/acme/bindings?repository=874310031",
            "/orgs/acme/installations",
            "/orgs/ann",
            "/deliveries",
            "/deliveries/1",
            "/deliveries/2",
            "/jobs",
            "/explain?delivery=1",
            "/explain?binding=/orgs/acme/bindings/site",
            "/explain?repository=ann/secret&commit=0123456789abcdef0123456789abcdef01234567",
            "/explain?repository=874310031&commit=0123456789abcdef0123456789abcdef01234567",
        ] {
            paths.push(path.to_owned());
        }
        let jobs = self.api.get("/jobs").await.expect(200).json();
        let jobs = jobs.as_array().expect("a list").clone();
        for path in paths {
            self.read(&path, &path).await;
        }
        for job in &jobs {
            let path = format!("/jobs/{}", job["id"]);
            self.read(&path, "a job").await;
        }
        let mut asked = self.world.github.take_requests();
        // An old name is led on to the id: that takes as long again, and shows nowhere.
        asked.retain(|request| !request.path.starts_with("/repositories/"));
        let asked: Vec<_> = asked
            .iter()
            .map(|request| json!([request.method, request.path]))
            .collect();
        self.note("GitHub was asked", &json!(asked));
    }

    async fn read(&mut self, path: &str, what: &str) {
        let answer = self.api.get(path).await;
        let tag = answer.header("etag").to_owned();
        let before = self.tags.insert(path.to_owned(), tag.clone());
        let what = format!(
            "{what}: {}, {}, the tag is new: {}",
            answer.status,
            answer.header("content-type"),
            before.is_none_or(|before| before != tag)
        );
        self.note(&what, &answer.json());
    }

    /// Without what differs from service to service: addresses, the name of the worker, and the numbers of
    /// jobs.
    fn note(&mut self, what: &str, body: &Value) {
        let mut body = body.clone();
        self.level(&mut body);
        let github = self.world.github.url();
        let (_, github) = github.split_once("//").expect("a URL");
        let text = format!("{what}\n{body}")
            .replace(&self.world.api.url(""), "")
            .replace(github, "GITHUB");
        self.seen.push(text);
    }

    fn level(&mut self, body: &mut Value) {
        match body {
            Value::Array(all) => all.iter_mut().for_each(|one| self.level(one)),
            Value::Object(fields) => {
                let is_job = fields.contains_key("kind");
                for (name, value) in fields {
                    match (name.as_str(), &value) {
                        ("worker", Value::String(_)) => *value = json!("somebody"),
                        ("queue_job_id", id) => *value = self.number(&id.to_string()),
                        ("id", id) if is_job => *value = self.number(&id.to_string()),
                        ("says", Value::String(text)) => *value = json!(self.renumbered(text)),
                        (_, Value::String(text)) if text.contains("/jobs/") => {
                            let id = text.rsplit('/').next().unwrap_or_default().to_owned();
                            *value = self.number(&id);
                        }
                        _ => self.level(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// A sentence, with its jobs counted so.
    fn renumbered(&mut self, text: &str) -> String {
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        for after in 1..words.len() {
            let is_job = words[after - 1].eq_ignore_ascii_case("job");
            if is_job && words[after].bytes().all(|byte| byte.is_ascii_digit()) {
                words[after] = self.number(&words[after]).to_string();
            }
        }
        words.join(" ")
    }

    /// Counted among the tenant's own.
    fn number(&mut self, job: &str) -> Value {
        let known = self.jobs.iter().position(|known| known == job);
        json!(known.unwrap_or_else(|| {
            self.jobs.push(job.to_owned());
            self.jobs.len() - 1
        }))
    }
}

async fn prepare(world: &World, secret: Secret) -> Option<RepositoryId> {
    if secret == Secret::NoOwner {
        return None;
    }
    world.github.create_user("ann");
    let anns = world.github.install("ann", Selection::All).await;
    if secret == Secret::NoRepository {
        return None;
    }
    let repo = world.github.create_repository("ann", "secret").await;
    world.push(repo, &[("a", "0")]).await;
    match secret {
        Secret::OfAnotherTenant => {
            let grant = format!("/orgs/other/installations/{anns}");
            world.api.put(&grant, json!({})).await.expect(201);
        }
        Secret::Suspended => drop(world.github.suspend(anns).await),
        Secret::Renamed => drop(world.github.rename(repo, "more-secret").await),
        Secret::NoOwner | Secret::NoRepository | Secret::Private => {}
    }
    world.settle().await;
    Some(repo)
}

/// `site` is bound to what was `octo`'s, and is `ann`'s since, as another organisation may know.
async fn went_to_ann(world: &World) -> (RepositoryId, InstallationId) {
    let repo = world.repository("templates", &[("a", "1")]).await;
    let ours = world.bind("site", "templates", json!({})).await;
    world.github.create_user("ann");
    let anns = world.github.install("ann", Selection::All).await;
    world.api.put("/orgs/other", json!({})).await.expect(201);
    let grant = format!("/orgs/other/installations/{anns}");
    world.api.put(&grant, json!({})).await.expect(201);
    world.github.transfer(repo, "ann").await;
    world.settle().await;
    let now = world.binding("site").await;
    for id in ["github_owner_id", "github_installation_id"] {
        let stays = ours[id] == now[id];
        assert_eq!(stays, now["access"] == "not_granted", "{id}: {now}");
    }
    (repo, anns)
}

async fn found_as(world: &World, name: &str) -> usize {
    let path = format!("/orgs/acme/bindings?repository={name}");
    let found = world.api.get(&path).await.expect(200).json();
    found.as_array().expect("a list").len()
}

stories! {
    async fn a01_what_is_not_granted_cannot_be_told_from_what_is_not_there(either: Either) {
        let nothing = Tenant::of(either.with(&[]).await).await.find_out(Secret::NoOwner).await;
        let text = nothing.concat();
        assert!(text.contains("not_granted") && !text.contains("reachable"), "{text}");
        for secret in [Secret::NoRepository, Secret::Private, Secret::OfAnotherTenant, Secret::Suspended, Secret::Renamed] {
            let seen = Tenant::of(either.with(&[]).await).await.find_out(secret).await;
            for (seen, nothing) in seen.iter().zip(&nothing) {
                assert_eq!(seen, nothing, "{secret:?}");
            }
            assert_eq!(seen.len(), nothing.len());
        }
    }

    async fn a01_where_a_repository_went_is_told_to_who_has_a_grant(either: Either) {
        for grants in ["required", "off"] {
            let world = either.with(&[("BINDERY_GRANTS", grants)]).await;
            let (repo, anns) = went_to_ann(&world).await;
            let before = world.binding("site").await;
            world.github.rename(repo, "plans").await;
            world.settle().await;
            let (may, binding) = (grants == "off", world.binding("site").await);
            assert_eq!(binding["github_repo_id"], repo.get());
            assert_eq!(binding["github_installation_id"] == anns.get(), may, "{binding}");
            assert_eq!(binding == before, !may, "{binding}");
            assert_eq!(found_as(&world, "octo/templates").await, 1);
            assert_eq!(found_as(&world, "ann/plans").await, usize::from(may));
            for name in ["templates", "plans"] {
                let put = json!({"github_owner": "ann", "github_repo": name});
                let put = world.api.put(&binding_path("site"), put).await.expect(200).json();
                assert_eq!(put["github_repo_id"] == repo.get(), may, "as if nothing had been called so: {put}");
            }
            world.settle().await;
            world.end().await;
        }
    }

    async fn a01_a_push_makes_no_job_for_who_has_no_grant(world: World) {
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        let secret = world.github.create_repository("ann", "secret").await;
        world.api.put(&binding_path("site"), json!({"github_owner": "ann", "github_repo": "secret"})).await.expect(201);
        world.settle().await;
        let jobs = world.jobs().await.len();
        world.push(secret, &[("a", "1")]).await;
        world.settle().await;
        assert_eq!(world.jobs().await.len(), jobs);
        assert_eq!(world.decisions().await, [("skipped".into(), "not_granted".into())]);
        assert_eq!(world.last_delivery("push").await.reason.as_deref(), Some("not_granted"));
        assert_eq!(world.binding("site").await["last_delivery"], Value::Null);
        world.end().await;
    }

    async fn with_grants_off_a_push_wakes_whatever_was_bound_by_its_name(either: Either) {
        let world = either.with(&[("BINDERY_GRANTS", "off")]).await;
        world.api.put(&binding_path("site"), json!({"github_owner": "ann", "github_repo": "secret"})).await.expect(201);
        world.settle().await;
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        let repo = world.github.create_repository("ann", "secret").await;
        world.push(repo, &[("a", "1")]).await;
        world.settle().await;
        assert_eq!(world.decisions().await[0].1, "matched_by_name");
        assert_eq!(world.files("site").await["a"], "1");
        assert_eq!(world.binding("site").await["access"], "reachable");
        world.end().await;
    }
}
