//! What has to be so: at every moment, and at the end.

use std::collections::BTreeMap;

use bindery::github::ids::RepositoryId;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::github::Expected;
use super::run::Story;
use super::tally;
use crate::support::binding_path;

/// One published file, and whose it is said to be.
#[derive(Debug, diesel::QueryableByName)]
struct File {
    #[diesel(sql_type = Text)]
    binding: String,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = Text)]
    path: String,
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

#[derive(Debug, diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    binding: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    bound: Option<i64>,
}

/// Everything that any reader could see at this moment, in one statement.
const FILES: &str = "SELECT b.name AS binding, r.github_id AS held, f.path AS path, x.bytes AS bytes \
    FROM bindings b \
    JOIN contents c ON c.id = b.content_id \
    JOIN repositories r ON r.id = c.repository_id \
    JOIN content_files f ON f.content_id = c.id \
    JOIN blobs x ON x.id = f.blob_id \
    ORDER BY b.name, f.path";

const BOUND: &str = "SELECT b.name AS binding, r.github_id AS bound \
    FROM bindings b LEFT JOIN repositories r ON r.id = b.repository_id";

impl Story {
    /// No byte of another repository, no half of a tree, and no binding that is another's by now.
    pub(super) async fn read(&mut self) -> Result<(), String> {
        let (rows, files): (Vec<Row>, Vec<File>) = {
            let mut conn = self.world.context.db.read().await.expect("a connection");
            let rows = diesel::sql_query(BOUND)
                .load(&mut conn)
                .await
                .expect("the bindings");
            let files = diesel::sql_query(FILES)
                .load(&mut conn)
                .await
                .expect("the files");
            (rows, files)
        };
        for row in rows {
            self.adopt(&row)?;
        }
        let mut published = BTreeMap::<String, Vec<File>>::new();
        for file in files {
            published
                .entry(file.binding.clone())
                .or_default()
                .push(file);
        }
        for (name, bound) in &mut self.bound {
            let shows = published.contains_key(name);
            if bound.has_content && !shows {
                return Err(format!("{name} has lost what it showed"));
            }
            bound.has_content = shows;
        }
        for (binding, files) in published {
            let id = self.bound[&binding].id.map(RepositoryId::get);
            let text = String::from_utf8_lossy(&files[0].bytes).into_owned();
            let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            let whole =
                paths == ["d/g", "f"] && files.iter().all(|file| file.bytes == files[0].bytes);
            if !whole {
                return Err(format!("{binding} shows a part of a tree: {files:?}"));
            }
            let whose = text.split(' ').next().and_then(|id| id.parse::<i64>().ok());
            if whose != Some(files[0].held) || whose != id {
                return Err(format!(
                    "{binding} is bound to {id:?} and shows {text:?}, said to be of {}",
                    files[0].held
                ));
            }
        }
        Ok(())
    }

    fn adopt(&mut self, row: &Row) -> Result<(), String> {
        let Row { binding, bound: id } = row;
        let Some(id) = id else {
            let before = self.bound[binding].id;
            return match before {
                Some(before) => Err(format!("{binding} forgot that it is bound to {before}")),
                None => Ok(()),
            };
        };
        let id = RepositoryId::new(*id).expect("an id");
        let bound = self.bound.get_mut(binding).expect("a binding of the story");
        match bound.id {
            Some(before) if before != id => {
                Err(format!("{binding} was bound to {before} and is to {id}"))
            }
            None if !bound.candidates.contains(&id) => Err(format!(
                "{binding} took {id}, which none of its names ever led to ({:?})",
                bound.candidates
            )),
            _ => {
                bound.id = Some(id);
                Ok(())
            }
        }
    }

    /// Once everything has had the time to heal.
    pub(super) async fn compare(&mut self) -> Result<(), String> {
        self.read().await?;
        for (name, bound) in &self.bound {
            let wrong = match bound.id {
                Some(id) => {
                    let expected = self.model.expected(id, bound.git_ref);
                    tally::count(expected.word());
                    self.compare_synced(name, expected).await
                }
                None => {
                    tally::count("unsynced");
                    self.compare_unsynced(name).await
                }
            };
            if let Some(wrong) = wrong {
                let shown = self.world.binding(name).await;
                let jobs = self.last_jobs().await;
                return Err(format!("{name}: {wrong}\n{shown:#}\n{jobs}"));
            }
        }
        Ok(())
    }

    /// What the service was about, the newest first.
    async fn last_jobs(&self) -> String {
        let jobs = self.world.jobs().await;
        let line = |job: &bindery::queue::Job| {
            let result = job.result.as_ref().map(|result| result.0.to_string());
            let error = job.errors.0.last().map(|attempt| attempt.error.clone());
            format!(
                "  {} {} {} of {} at {}: {}",
                job.id,
                job.kind,
                job.state,
                job.target,
                job.created_at.format("%T"),
                result.or(error).unwrap_or_default()
            )
        };
        let lines: Vec<String> = jobs.iter().take(30).map(line).collect();
        lines.join("\n")
    }

    async fn compare_synced(&self, name: &str, expected: Expected) -> Option<String> {
        let shown = self.world.binding(name).await;
        let access = shown["access"].as_str().expect("a word");
        let right = match &expected {
            Expected::Reachable { name: called, text } => {
                let repository = &shown["repository"];
                let part = |field: &str| repository[field].as_str().unwrap_or_default().to_owned();
                let now = format!("{}/{}", part("owner"), part("name"));
                let path = format!("{}/files/f", binding_path(name));
                let file = self.world.api.get(&path).await;
                access == "reachable"
                    && now == *called
                    && shown["last_sync_status"] == "succeeded"
                    && file.bytes == text.as_bytes()
            }
            Expected::RefMissing => access == "ref_missing",
            Expected::NotGranted => {
                let path = format!("{}/files/f", binding_path(name));
                let file = self.world.api.get(&path).await;
                access == "not_granted" && file.status == 403
            }
            Expected::Suspended => access == "suspended",
            Expected::AccessLost => access == "access_lost",
            Expected::Gone => access == "gone",
            Expected::OutOfReach => ["access_lost", "gone", "suspended"].contains(&access),
        };
        (!right).then(|| format!("expected {expected:?}"))
    }

    /// What has never synced must have had a reason: where its name leads now, it may not or cannot.
    async fn compare_unsynced(&self, name: &str) -> Option<String> {
        let sought = self.world.sought_name(name).await;
        let github = &self.world.github;
        let id = github
            .repository_named(&sought.owner, &sought.name)
            .or_else(|| github.redirect_of(&sought.owner, &sought.name))?;
        let expected = self.model.expected(id, self.bound[name].git_ref);
        let missed = matches!(expected, Expected::Reachable { .. });
        missed.then(|| format!("has never synced, although {sought} leads to {id}: {expected:?}"))
    }
}
