//! The command line as people use it: the real binary, against a running service and on the machine itself.

mod apply;
mod bindings;
mod diff;
mod lists;
mod local;
mod refusals;
mod shell;
mod simulate_push;
mod sync;
mod tokens;

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::support::{ADMIN, APP_ID, KEY, SECRET, World};

/// What a command did.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) bytes: Vec<u8>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }

    #[track_caller]
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(super) fn says(&self, words: &str) {
        let (out, err) = (&self.out, &self.err);
        assert!(
            out.contains(words) || err.contains(words),
            "{words}: {out}{err}"
        );
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|_| panic!("no JSON: {}{}", self.out, self.err))
    }
}

/// Without an environment, and so without anybody's settings.
pub(super) fn bindery(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bindery"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(super) async fn ran(mut command: Command) -> Ran {
    Ran::of(command.output().await.expect("the binary starts"))
}

/// Against the world's service.
pub(super) fn remote(world: &World, arguments: &[&str]) -> Command {
    let mut command = bindery(arguments);
    command
        .env("BINDERY_URL", world.api.url(""))
        .env("BINDERY_TOKEN", ADMIN);
    command
}

pub(super) async fn run(world: &World, arguments: &[&str]) -> Ran {
    ran(remote(world, arguments)).await
}

/// On the service's machine, with its settings.
pub(super) async fn here(world: &World, arguments: &[&str]) -> Ran {
    let mut command = bindery(arguments);
    command
        .env("DATABASE_URL", world.database_url())
        .env("GITHUB_API_URL", world.github.url())
        .env("GITHUB_APP_ID", APP_ID.to_string())
        .env("GITHUB_APP_PRIVATE_KEY", KEY)
        .env("GITHUB_WEBHOOK_SECRET", SECRET);
    ran(command).await
}

/// While the service's workers work.
pub(super) async fn run_beside_workers(world: &World, arguments: &[&str]) -> Ran {
    let work = async {
        loop {
            world.settle().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        ran = run(world, arguments) => ran,
        () = work => unreachable!("workers never end"),
    }
}
