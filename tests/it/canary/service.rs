//! The real binary, and all that it ever says.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Api, TestDatabase};

const BINARY: &str = env!("CARGO_BIN_EXE_bindery");
const PATIENCE: Duration = Duration::from_secs(60);

/// What the binary is told, by its variables.
pub(super) type Settings = Vec<(&'static str, String)>;

pub(super) struct Service {
    child: Child,
    pub(super) base: String,
    said: Arc<Mutex<String>>,
}

fn binary(settings: &Settings) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().kill_on_drop(true);
    for (name, value) in settings {
        command.env(name, value);
    }
    command
}

impl Service {
    /// Running, and with a log that keeps nothing to itself.
    pub(super) async fn start(settings: &Settings) -> Self {
        let mut command = binary(settings);
        let command = command
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let said = Arc::default();
        listen(child.stdout.take().expect("its output"), &said);
        listen(child.stderr.take().expect("its log"), &said);
        let mut service = Self {
            child,
            base: String::new(),
            said,
        };
        service.base = tokio::time::timeout(PATIENCE, service.address())
            .await
            .expect("it says where it listens");
        service
    }

    async fn address(&self) -> String {
        loop {
            let said = self.said();
            let listening = said
                .lines()
                .find(|line| line.contains("\"message\":\"listening\""));
            if let Some((_, rest)) = listening.and_then(|line| line.split_once("\"url\":\"")) {
                return rest.split('"').next().expect("a URL").to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// By a signal, as an init system does; then all that it ever said.
    pub(super) async fn stop(mut self) -> String {
        let id = self.child.id().expect("a running process").to_string();
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .expect("a signal");
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("it stops")
            .expect("a status");
        self.said()
    }
}

fn listen(output: impl AsyncRead + Unpin + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// All that a command says, until it ends by itself.
pub(super) async fn run(arguments: &[&str], settings: &Settings) -> String {
    let ended = binary(settings).args(arguments).output();
    let ended = tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("it ends")
        .expect("the binary starts");
    let texts =
        [&ended.stdout, &ended.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    format!("{}\n{}", ended.status, texts.concat())
}

/// Everything that is stored, as text.
pub(super) async fn dump(database: &TestDatabase) -> String {
    match database.url.strip_prefix("sqlite://") {
        Some(path) => ["", "-wal"]
            .map(|end| std::fs::read(format!("{path}{end}")).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat(),
        None => dump_of_server(&database.url).await,
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

async fn dump_of_server(url: &str) -> String {
    let mut conn = AsyncPgConnection::establish(url)
        .await
        .expect("the server answers");
    let tables = "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = 'public'";
    let tables: Vec<Line> = diesel::sql_query(tables)
        .load(&mut conn)
        .await
        .expect("its tables");
    let mut dump = String::new();
    for Line { line: table } in tables {
        let rows = format!("SELECT row_to_json(t)::text AS line FROM \"{table}\" t");
        let rows: Vec<Line> = diesel::sql_query(rows)
            .load(&mut conn)
            .await
            .expect("its rows");
        for Line { line } in rows {
            dump.push_str(&format!("{table} {line}\n"));
        }
    }
    dump
}

/// The API, without a token of its own.
pub(super) fn stranger(base: &str) -> Api {
    Api::new(base, "nobody")
}
