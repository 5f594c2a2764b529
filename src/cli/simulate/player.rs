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
            Verb::Suspend => told(&self.github.suspend(self.installation).await),
            Verb::Unsuspend => told(&self.github.unsuspend(self.installation).await),
            Verb::Lose(count) => {
                self.github.lose_next(count);
                format!("the next {count} deliveries will not arrive")
            }
            Verb::Redeliver(guid) => self.redeliver(guid).await,
            Verb::Deliveries => self.deliveries(),
            Verb::Ping => told(self.github.ping().await.as_slice()),
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
