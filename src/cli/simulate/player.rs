use std::collections::VecDeque;
use std::fmt::Write;
use std::path::PathBuf;

use super::verb::Verb;
use crate::cli::disk;
use crate::git::Oid;
use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::{Guid, Selection, Sent, Simulator};

const OWNER: &str = "octo-org";
const BRANCH: &str = "main";
/// Deliveries that are listed.
const LISTED: usize = 10;

/// Does on the simulated GitHub what is typed.
pub(super) struct Player {
    github: Simulator,
    installation: InstallationId,
    repositories: Vec<Played>,
    /// Which of them verbs mean.
    current: usize,
}

struct Played {
    id: RepositoryId,
    name: String,
    /// Not pushed yet, the next one first.
    commits: VecDeque<Oid>,
    made_up: u32,
}

impl Player {
    /// An organisation with these repositories, each at the oldest of its last commits.
    pub(super) async fn begin(
        github: Simulator,
        paths: &[PathBuf],
        commits: u16,
    ) -> anyhow::Result<Self> {
        github.create_organization(OWNER);
        let mut repositories = Vec::new();
        for path in paths {
            let disk = disk::open(path, usize::from(commits)).await?;
            let name = free_name(&github, disk::name_of(path));
            let id = github.create_repository(OWNER, &name).await;
            github.import(id, &disk);
            let mut commits: VecDeque<Oid> = disk.commits().iter().copied().collect();
            if let Some(first) = commits.pop_front() {
                github.push_existing(id, BRANCH, first).await;
            }
            repositories.push(Played {
                id,
                name,
                commits,
                made_up: 0,
            });
        }
        let installation = github.install(OWNER, Selection::All).await;
        Ok(Self {
            github,
            installation,
            repositories,
            current: 0,
        })
    }

    pub(super) fn repositories(&self) -> String {
        let mut text = format!("installation {} of {OWNER} has:", self.installation);
        for (index, played) in self.repositories.iter().enumerate() {
            let mark = if index == self.current { '*' } else { ' ' };
            let _ = write!(
                text,
                "\n{mark} {OWNER}/{} (id {}, branch {BRANCH}, {} commits to push)",
                played.name,
                played.id,
                played.commits.len()
            );
        }
        text
    }

    /// Does it, and says what GitHub sent and how that was answered.
    pub(super) async fn play(&mut self, verb: Verb) -> String {
        match verb {
            Verb::Help | Verb::Quit => Verb::HELP.to_owned(),
            Verb::Repositories => self.repositories(),
            Verb::Use(name) => self.use_repository(&name),
            Verb::Push(count) => self.push(count).await,
            Verb::Rename(name) => self.rename(name).await,
            Verb::Suspend | Verb::Unsuspend | Verb::Uninstall | Verb::Install => {
                self.change_installation(&verb).await
            }
            Verb::Publicize => told(&self.github.publicize(self.current_id()).await),
            Verb::Privatize => told(&self.github.privatize(self.current_id()).await),
            Verb::Lose(count) => {
                self.github.lose_next(count);
                format!("the next {count} deliveries will not arrive")
            }
            Verb::Omit(count) => {
                self.github.omit_next(count);
                format!("the next {count} events will become no deliveries")
            }
            Verb::Hold => {
                self.github.hold_deliveries();
                "deliveries wait until `release`".to_owned()
            }
            Verb::Release => told(&self.github.release_deliveries().await),
            Verb::Redeliver(guid) => self.redeliver(guid).await,
            Verb::Deliveries => self.deliveries(),
            Verb::Ping => told(self.github.ping().await.as_slice()),
        }
    }

    fn current_id(&self) -> RepositoryId {
        self.repositories[self.current].id
    }

    /// The verbs that need an installation, and the one that needs that there is none.
    async fn change_installation(&mut self, verb: &Verb) -> String {
        let installed = self.github.installation_on(OWNER).is_some();
        match (verb, installed) {
            (Verb::Install, true) => format!("the App is installed on {OWNER} already"),
            (Verb::Install, false) => {
                self.installation = self.github.reinstall(self.installation).await;
                format!("installation {} of {OWNER}", self.installation)
            }
            (_, false) => "the App is not installed; `install` does that".to_owned(),
            (Verb::Suspend, true) => told(&self.github.suspend(self.installation).await),
            (Verb::Unsuspend, true) => told(&self.github.unsuspend(self.installation).await),
            (_, true) => told(&self.github.uninstall(self.installation).await),
        }
    }

    fn use_repository(&mut self, name: &str) -> String {
        let named = |played: &Played| played.name.eq_ignore_ascii_case(name);
        match self.repositories.iter().position(named) {
            Some(index) => {
                self.current = index;
                self.repositories()
            }
            None => format!("there is no repository {name}; `repos` lists them"),
        }
    }

    async fn push(&mut self, count: u32) -> String {
        let mut sent = Vec::new();
        for _ in 0..count {
            let played = &mut self.repositories[self.current];
            let pushed = match played.commits.pop_front() {
                Some(commit) => self.github.push_existing(played.id, BRANCH, commit).await,
                None => {
                    played.made_up += 1;
                    let line = format!("{}\n", played.made_up);
                    let write =
                        |change: crate::simulator::Change| change.write("made-up.txt", line);
                    self.github.push(played.id, BRANCH, write).await
                }
            };
            sent.extend(pushed.sent);
        }
        told(&sent)
    }

    async fn rename(&mut self, name: String) -> String {
        let played = &mut self.repositories[self.current];
        let holder = self.github.repository_named(OWNER, &name);
        if holder.is_some_and(|holder| holder != played.id) {
            return format!("another repository is called {name}");
        }
        let sent = self.github.rename(played.id, &name).await;
        played.name = name;
        told(&sent)
    }

    async fn redeliver(&self, guid: Option<String>) -> String {
        let deliveries = self.github.deliveries();
        let wanted = match &guid {
            Some(guid) => deliveries.iter().find(|known| known.guid.as_str() == guid),
            None => deliveries.last(),
        };
        match wanted {
            Some(delivery) => told(&[self.github.redeliver(&delivery.guid).await]),
            None => "there is no such delivery; `deliveries` lists them".to_owned(),
        }
    }

    fn deliveries(&self) -> String {
        let all = self.github.deliveries();
        let last = all.iter().rev().take(LISTED).rev();
        let lines = last.map(|delivery| {
            let answer = delivery
                .attempts
                .last()
                .map(|attempt| attempt.answer.as_str());
            line(
                &delivery.guid,
                &delivery.event,
                delivery.action.as_deref(),
                delivery.status(),
                answer.unwrap_or_default(),
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// GitHub has one repository of each name; two folders on the disk may have the same.
fn free_name(github: &Simulator, name: String) -> String {
    let is_free = |name: &String| github.repository_named(OWNER, name).is_none();
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(is_free).unwrap_or(name)
}

fn told(sent: &[Sent]) -> String {
    if sent.is_empty() {
        return "GitHub sends nothing".to_owned();
    }
    let lines = sent.iter().map(|sent| {
        line(
            &sent.guid,
            &sent.event,
            sent.action.as_deref(),
            sent.status,
            &sent.body,
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(
    guid: &Guid,
    event: &str,
    action: Option<&str>,
    status: Option<u16>,
    answer: &str,
) -> String {
    let event = match action {
        Some(action) => format!("{event}.{action}"),
        None => event.to_owned(),
    };
    match status {
        Some(status) => format!("{guid}  {event}: {status} {}", answer.trim()),
        None => format!("{guid}  {event}: did not arrive"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::clock::Clock;
    use crate::github::ids::AppId;
    use crate::simulator::SimulatorSettings;

    fn git(at: &Path, arguments: &[&str]) {
        let output = Command::new("git")
            .arg("-C")
            .arg(at)
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
            .args(arguments)
            .output()
            .expect("git");
        assert!(output.status.success(), "{output:?}");
    }

    /// Two repositories of the same name, each with two commits; nobody listens to their GitHub.
    async fn player(folder: &Path) -> Player {
        let paths = ["a/same", "b/same"].map(|path| folder.join(path));
        for path in &paths {
            std::fs::create_dir_all(path).expect("a folder");
            git(path, &["init", "-q"]);
            git(path, &["commit", "-q", "--allow-empty", "-m", "One"]);
            git(path, &["commit", "-q", "--allow-empty", "-m", "Two"]);
        }
        let github = Simulator::start(SimulatorSettings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            app_id: AppId::new(1).expect("an id"),
            app_public_key_pem: include_str!("../../../fixtures/test-app-key.pem").to_owned(),
            webhook_secret: "a secret of the tests".to_owned(),
            webhook_url: None,
            clock: Clock::system(),
        });
        let github = github.await.expect("a GitHub");
        Player::begin(github, &paths, 20).await.expect("a player")
    }

    async fn type_in(player: &mut Player, line: &str) -> String {
        player.play(line.parse().expect(line)).await
    }

    #[tokio::test]
    async fn what_is_typed_happens() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut player = player(folder.path()).await;
        assert!(player.repositories().contains("* octo-org/same (id"));
        let pushed = type_in(&mut player, "push 2").await;
        assert_eq!(
            pushed.matches("push: did not arrive").count(),
            2,
            "{pushed}"
        );
        assert!(
            type_in(&mut player, "rename same-2")
                .await
                .contains("is called")
        );
        let renamed = type_in(&mut player, "rename other").await;
        assert!(renamed.contains("repository.renamed"), "{renamed}");
        let chosen = type_in(&mut player, "use SAME-2").await;
        assert!(
            chosen.contains("* octo-org/same-2") && chosen.contains("1 commits"),
            "{chosen}"
        );
        assert_eq!(type_in(&mut player, "deliveries").await.lines().count(), 4);
    }

    #[tokio::test]
    async fn an_installation_comes_and_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut player = player(folder.path()).await;
        let first = player.installation;
        assert!(type_in(&mut player, "install").await.contains("already"));
        let gone = type_in(&mut player, "uninstall").await;
        assert!(gone.contains("installation.deleted"), "{gone}");
        for verb in ["uninstall", "suspend", "unsuspend"] {
            assert!(type_in(&mut player, verb).await.contains("not installed"));
        }
        type_in(&mut player, "install").await;
        assert_ne!(player.installation, first);
        let public = type_in(&mut player, "publicize").await;
        assert!(public.contains("repository.publicized"), "{public}");
        type_in(&mut player, "omit").await;
        let untold = type_in(&mut player, "privatize").await;
        assert_eq!(untold, "GitHub sends nothing");
        type_in(&mut player, "hold").await;
        type_in(&mut player, "push").await;
        let released = type_in(&mut player, "release").await;
        assert!(released.contains("push: did not arrive"), "{released}");
    }
}
