//! A reader of the file itself, while somebody serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::Stage;
use crate::chance::Chance;
use crate::reader::judge;
use crate::store::open;
use crate::truth::{Progress, Seen};

/// The reader's connection is closed when the process is killed: it alone shall find the database as it
/// was left, and mend it.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) open: AtomicBool,
    pub(super) inside: AtomicBool,
}

impl Stage {
    pub(super) fn begin_to_read(&self, seed: u64) {
        let (path, gate, reads) = (
            self.path.clone(),
            Arc::clone(&self.gate),
            Arc::clone(&self.reads),
        );
        let (truth, verdicts) = (Arc::clone(&self.hub.truth), Arc::clone(&self.verdicts));
        let mut names: Vec<String> = truth.bindings().map(|bound| bound.name.clone()).collect();
        names.sort();
        let runtime = tokio::runtime::Handle::current();
        let mut chance = Chance::of(seed, "reader");
        tokio::task::spawn_blocking(move || {
            let mut progress = Progress::default();
            while !reads.is_stopped() {
                gate.inside.store(true, Ordering::SeqCst);
                if gate.open.load(Ordering::SeqCst)
                    && let Ok(mut connection) = open(&path)
                {
                    while gate.open.load(Ordering::SeqCst) && !reads.is_stopped() {
                        let begun = Instant::now();
                        let name: &String = chance.pick(&names);
                        let Ok(seen) = read(&mut connection, name) else {
                            break;
                        };
                        let shown = seen.is_some();
                        if let Some(seen) = seen {
                            runtime.block_on(judge(&truth, &seen, &mut progress, &verdicts));
                        }
                        std::thread::sleep(Duration::from_micros(300));
                        reads.count(shown, begun.elapsed());
                    }
                }
                gate.inside.store(false, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
    }
}

#[derive(Debug, QueryableByName)]
struct Shown {
    #[diesel(sql_type = BigInt)]
    bound: i64,
    #[diesel(sql_type = Nullable<Text>)]
    commit_sha: Option<String>,
    #[diesel(sql_type = BigInt)]
    content: i64,
    #[diesel(sql_type = BigInt)]
    source: i64,
    #[diesel(sql_type = Text)]
    tree: String,
    #[diesel(sql_type = Nullable<Text>)]
    files: Option<String>,
}

fn read(connection: &mut SqliteConnection, name: &str) -> anyhow::Result<Option<Seen>> {
    let shown = diesel::sql_query(
        "SELECT bound.github_id AS bound, b.commit_sha AS commit_sha, c.id AS content, \
         source.github_id AS source, c.tree_sha AS tree, \
         (SELECT group_concat(f.mode || ' ' || f.sha || ' ' || f.path, char(10)) \
          FROM content_files f WHERE f.content_id = c.id) AS files \
         FROM bindings b JOIN repositories bound ON bound.id = b.repository_id \
         JOIN contents c ON c.id = b.content_id \
         JOIN repositories source ON source.id = c.repository_id WHERE b.name = ?",
    );
    let shown: Option<Shown> = shown
        .bind::<Text, _>(name)
        .get_result(connection)
        .optional()?;
    let Some(shown) = shown else {
        return Ok(None);
    };
    Ok(Some(Seen {
        binding: name.to_owned(),
        bound: shown.bound,
        commit: shown.commit_sha.unwrap_or_default().parse()?,
        content: shown.content,
        source: shown.source,
        tree: shown.tree.parse()?,
        files: shown.files.unwrap_or_default(),
    }))
}
