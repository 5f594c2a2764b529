//! The pushes that are sent: the payload of the fixtures with commits as people make them, 7.6 to 8.9 KB,
//! signed once.

use anyhow::Context as _;
use hmac::{Hmac, KeyInit, Mac};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sha1::Sha1;
use std::sync::Arc;

use crate::app;

const PUSH: &str = include_str!("../../fixtures/webhooks/push.json");
/// Different ones, so that nothing is compressed or cached by heart; the same in every run.
pub const PUSHES: usize = 64;
/// The fixture's; each push is of a repository of its own, the ids of which follow this one.
pub const REPOSITORY: i64 = 731_904_412;
pub const INSTALLATION: i64 = 40_771_206;
const SEED: u64 = 7;
/// Bytes. What the last word adds stays below the end.
const SMALLEST: usize = 7_600;
const LARGEST: usize = 8_900;
const A_COMMIT: usize = 1_000;
const A_WORD: usize = 32;

/// One body, and what its headers say of it.
pub struct Push {
    pub body: Vec<u8>,
    /// Hexadecimal digits.
    pub sha1: String,
    pub sha256: String,
    /// Four decimal digits.
    pub length: String,
}

/// What a push is to.
pub struct Subject {
    pub repository: i64,
    pub owner: String,
    pub name: String,
    pub installation: i64,
    /// The commit that the branch has now; any, unless said.
    pub head: Option<String>,
}

/// To repositories that need not exist.
pub fn pushes() -> anyhow::Result<Arc<[Push]>> {
    let subjects = (1..=PUSHES)
        .zip(REPOSITORY + 1..)
        .map(|(number, repository)| Subject {
            repository,
            owner: "harbour-works".to_owned(),
            name: format!("handbook-{number}"),
            installation: INSTALLATION,
            head: None,
        });
    pushes_of(&subjects.collect::<Vec<_>>())
}

pub fn pushes_of(subjects: &[Subject]) -> anyhow::Result<Arc<[Push]>> {
    let mut writer = Writer(StdRng::seed_from_u64(SEED));
    subjects
        .iter()
        .map(|subject| writer.push(subject))
        .collect()
}

impl Push {
    fn of(body: Vec<u8>) -> anyhow::Result<Self> {
        let length = body.len();
        anyhow::ensure!(
            (SMALLEST..=LARGEST).contains(&length),
            "a push of {length} bytes"
        );
        let mut sha1 = Hmac::<Sha1>::new_from_slice(app::SECRET.as_bytes())?;
        sha1.update(&body);
        let sha256 = app::secret()?.sign(&body);
        let sha256 = sha256.strip_prefix("sha256=").context("a signature")?;
        Ok(Self {
            sha1: hex::encode(sha1.finalize().into_bytes()),
            sha256: sha256.to_owned(),
            length: length.to_string(),
            body,
        })
    }
}

/// Makes up commits.
struct Writer(StdRng);

impl Writer {
    fn push(&mut self, subject: &Subject) -> anyhow::Result<Push> {
        let mut payload: Value = serde_json::from_str(PUSH)?;
        let repository = &mut payload["repository"];
        repository["id"] = subject.repository.into();
        repository["name"] = subject.name.as_str().into();
        repository["full_name"] = format!("{}/{}", subject.owner, subject.name).into();
        repository["owner"]["login"] = subject.owner.as_str().into();
        repository["owner"]["name"] = subject.owner.as_str().into();
        payload["installation"]["id"] = subject.installation.into();
        let size = self.0.random_range(SMALLEST + A_WORD..=LARGEST - A_WORD);
        let mut commits = vec![self.commit()];
        if let Some(head) = &subject.head {
            commits[0]["id"] = head.as_str().into();
        }
        while tell(&mut payload, &commits).len() + A_COMMIT < size {
            commits.insert(0, self.commit());
        }
        let mut body = tell(&mut payload, &commits);
        while body.len() < size {
            self.go_on(&mut commits);
            body = tell(&mut payload, &commits);
        }
        Push::of(body)
    }

    fn commit(&mut self) -> Value {
        let sha = self.sha();
        let [name, email, login] = *self.pick(&AUTHORS);
        let day = self.0.random_range(1..=28);
        let (minute, second) = (self.0.random_range(10..60), self.0.random_range(10..60));
        let at = format!("2026-03-{day:02}T15:{minute}:{second}+01:00");
        let person = json!({"name": name, "email": email, "username": login, "date": at});
        let (added, modified) = (self.0.random_range(0..2), self.0.random_range(1..4));
        let message = (0..6).map(|_| *self.pick(&WORDS)).collect::<Vec<_>>();
        json!({
            "id": sha,
            "tree_id": self.sha(),
            "distinct": true,
            "message": message.join(" "),
            "timestamp": at,
            "url": format!("https://github.com/harbour-works/handbook/commit/{sha}"),
            "author": person,
            "committer": person,
            "added": self.paths(added),
            "removed": [],
            "modified": self.paths(modified),
        })
    }

    /// The newest commit is told in more words.
    fn go_on(&mut self, commits: &mut [Value]) {
        let word = *self.pick(&WORDS);
        if let Some(Value::String(message)) =
            commits.last_mut().and_then(|last| last.get_mut("message"))
        {
            message.push(' ');
            message.push_str(word);
        }
    }

    fn paths(&mut self, count: usize) -> Vec<String> {
        let path = |writer: &mut Self| {
            let (folder, file) = (*writer.pick(&FOLDERS), *writer.pick(&WORDS));
            format!("{folder}/{file}.md")
        };
        (0..count).map(|_| path(self)).collect()
    }

    fn sha(&mut self) -> String {
        hex::encode(self.0.random::<[u8; 20]>())
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.0.random_range(0..among.len())]
    }
}

/// GitHub writes no spaces, and the newest commit twice.
fn tell(payload: &mut Value, commits: &[Value]) -> Vec<u8> {
    let head = commits.last().cloned().unwrap_or_default();
    payload["after"] = head["id"].clone();
    payload["head_commit"] = head;
    payload["commits"] = commits.to_vec().into();
    payload.to_string().into_bytes()
}

const AUTHORS: [[&str; 3]; 4] = [
    ["Ines Tidewater", "ines@tidewater.example", "tidewater-ines"],
    ["Bo Ankervik", "bo.ankervik@harbour.example", "ankervik"],
    ["Rosa Lindqvist", "rosa@lindqvist.example", "rlindqvist"],
    ["Tomasz Wójcik", "tomasz@harbour.example", "twojcik"],
];
const FOLDERS: [&str; 5] = [
    "template",
    "docs",
    "docs/pilots",
    "charts/north",
    "tides/2026",
];
const WORDS: [&str; 32] = [
    "say",
    "pilots",
    "harbour",
    "tide",
    "draught",
    "charts",
    "mend",
    "measure",
    "lights",
    "northern",
    "berth",
    "where",
    "called",
    "with",
    "handbook",
    "anchor",
    "the",
    "of",
    "crane",
    "weather",
    "beacon",
    "signal",
    "new",
    "old",
    "quay",
    "ferries",
    "depth",
    "soundings",
    "remove",
    "winter",
    "buoy",
    "channel",
];
