//! The real binary: how it starts, what it refuses, and how it stops.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

use crate::support::{ADMIN, Api, Engine, KEY, TestDatabase};

const BINARY: &str = env!("CARGO_BIN_EXE_bindery");
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn serve(database: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .arg("serve")
        .env_clear()
        .env("DATABASE_URL", database)
        .env("BINDERY_LISTEN", "127.0.0.1:0")
        .env("BINDERY_ADMIN_TOKEN", ADMIN)
        .env("BINDERY_LOG", "json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running service: where it listens, by its own word.
pub struct Serving {
    pub child: Child,
    pub api: Api,
}

impl Serving {
    async fn start(database: &str) -> Self {
        Self::spawn(serve(database)).await
    }

    async fn start_with(database: &str, flags: &[&str]) -> Self {
        let mut command = serve(database);
        command.args(flags);
        Self::spawn(command).await
    }

    pub async fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let log = child.stderr.take().expect("its log");
        let mut lines = BufReader::new(log).lines();
        let url = tokio::time::timeout(PATIENCE, async {
            loop {
                let line = lines
                    .next_line()
                    .await
                    .expect("a log")
                    .expect("a line that says where it listens");
                let (_, rest) = line.split_once("http://127.0.0.1:").unwrap_or_default();
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                if !port.is_empty() {
                    return format!("http://127.0.0.1:{port}");
                }
            }
        })
        .await
        .expect("it says where it listens");
        // The rest of the log is read, so that the process never waits for us.
        tokio::spawn(
            async move { while lines.next_line().await.is_ok_and(|line| line.is_some()) {} },
        );
        Self {
            child,
            api: Api::new(&url, ADMIN),
        }
    }

    pub async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("a running process").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await;
        assert!(sent.expect("a signal").success());
    }

    /// SIGTERM, as an init system stops it.
    pub async fn stop(mut self) -> (i32, Duration) {
        let asked = Instant::now();
        self.signal("-TERM").await;
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("it stops")
            .expect("a status");
        (status.code().expect("it exits by itself"), asked.elapsed())
    }
}

#[tokio::test]
async fn an_init_system_is_told_when_it_serves_and_when_it_stops() {
    let (database, folder) = (
        TestDatabase::create(Engine::Sqlite).await,
        tempfile::tempdir().expect("a folder"),
    );
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let told = async || {
        let mut text = [0; 512];
        let read = tokio::time::timeout(PATIENCE, socket.recv(&mut text)).await;
        let length = read.expect("it is told").expect("a datagram");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut command = serve(&database.url);
    command.env("NOTIFY_SOCKET", &path);
    let serving = Serving::spawn(command).await;
    let ready = told().await;
    assert!(
        ready.contains("READY=1\nSTATUS=serving on 127.0.0.1:"),
        "{ready}"
    );
    serving.api.get("/readyz").await.expect(200);
    let ((status, _), stopping) = tokio::join!(serving.stop(), told());
    assert_eq!((status, stopping.trim_end()), (0, "STOPPING=1"));
    database.drop().await;
}

async fn lives_and_stops(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let serving = Serving::start(&database.url).await;
    serving.api.get("/livez").await.expect(200);
    serving.api.get("/readyz").await.expect(200);
    serving
        .api
        .put("/orgs/acme", serde_json::json!({}))
        .await
        .expect(201);
    let (status, took) = serving.stop().await;
    assert_eq!(status, 0);
    assert!(took < Duration::from_secs(30), "{took:?}");
    // What it was told before is there when it comes back.
    let again = Serving::start(&database.url).await;
    again.api.get("/orgs/acme").await.expect(200);
    again.stop().await;
    database.drop().await;
}

#[tokio::test]
async fn f05_it_lives_stops_at_a_signal_and_comes_back_on_sqlite() {
    lives_and_stops(Engine::Sqlite).await;
}

#[tokio::test]
async fn f05_it_lives_stops_at_a_signal_and_comes_back_on_postgres() {
    lives_and_stops(Engine::Postgres).await;
}

#[tokio::test]
async fn without_an_app_it_starts_says_what_is_missing_and_answers_503() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let serving = Serving::start(&database.url).await;
    let ready = serving.api.get("/readyz").await.expect(200);
    assert!(String::from_utf8_lossy(&ready.bytes).contains("GITHUB_APP_ID"));
    let answer = serving.api.post("/webhooks/github").await.expect(503);
    assert!(!answer.header("retry-after").is_empty());
    serving.stop().await;
    database.drop().await;
}

#[tokio::test]
async fn with_grants_off_it_says_at_start_what_is_given_up() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let mut child = serve(&database.url)
        .env("BINDERY_GRANTS", "off")
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
    let said = tokio::time::timeout(PATIENCE, async {
        loop {
            let line = lines.next_line().await.expect("a log").expect("a line");
            if line.contains("BINDERY_GRANTS=off") {
                return line;
            }
        }
    });
    let line = said.await.expect("it says so");
    assert!(
        line.contains("\"WARN\"") && line.contains("any organisation may bind"),
        "{line}"
    );
    child.kill().await.expect("it ends");
    database.drop().await;
}

#[tokio::test]
async fn without_the_receivers_role_it_answers_for_itself_alone() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let serving = Serving::start_with(&database.url, &["--no-receiver"]).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        serving.api.get(path).await.expect(200);
    }
    serving.api.get("/orgs").await.expect(404);
    serving.api.post("/webhooks/github").await.expect(404);
    serving.stop().await;
    database.drop().await;
}

#[tokio::test]
async fn f03_what_a_receiver_took_waits_for_a_worker() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let put = serde_json::json!({"github_owner": "octo", "github_repo": "pages"});
    let receiver = Serving::start_with(&database.url, &["--no-worker"]).await;
    let api = receiver.api.clone();
    api.put("/orgs/acme", serde_json::json!({}))
        .await
        .expect(201);
    api.put("/orgs/acme/bindings/site", put).await.expect(201);
    receiver.stop().await;
    // A worker would have taken it at its start, at the latest.
    let receiver = Serving::start_with(&database.url, &["--no-worker"]).await;
    let jobs = receiver.api.get("/jobs").await.expect(200).json();
    assert_eq!(jobs[0]["state"], "available", "{jobs}");
    receiver.stop().await;
    let both = Serving::start(&database.url).await;
    let begun = Instant::now();
    // Without an App it puts the job off, and is seen by that.
    let due = jobs[0]["scheduled_at"].clone();
    while both.api.get("/jobs").await.expect(200).json()[0]["scheduled_at"] == due {
        assert!(begun.elapsed() < PATIENCE, "nobody takes the job");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    both.stop().await;
    database.drop().await;
}

#[tokio::test]
async fn a_process_without_any_role_is_refused() {
    let said = refusal(&[("BINDERY_RECEIVER", "false"), ("BINDERY_WORKER", "false")]).await;
    assert!(said.contains("BINDERY_WORKER"), "{said}");
}

async fn refusal(settings: &[(&str, &str)]) -> String {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let mut command = serve(&database.url);
    let settings = settings.iter().map(|(name, value)| (*name, *value));
    let ended: Output = command
        .envs(settings)
        .output()
        .await
        .expect("the binary starts");
    database.drop().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

#[tokio::test]
async fn w14_a_weak_secret_is_refused_at_start_and_not_shown() {
    for weak in ["", "canary"] {
        let app = [
            ("GITHUB_APP_ID", "1"),
            ("GITHUB_APP_PRIVATE_KEY", KEY),
            ("GITHUB_WEBHOOK_SECRET", weak),
        ];
        let said = refusal(&app).await;
        assert!(
            said.contains("GITHUB_WEBHOOK_SECRET") && !said.contains("canary"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a30_a_key_that_is_none_is_refused_at_start_and_not_shown() {
    let pem = "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\n";
    for bad in [pem, "canary"] {
        let app = [
            ("GITHUB_APP_ID", "1"),
            ("GITHUB_APP_PRIVATE_KEY", bad),
            ("GITHUB_WEBHOOK_SECRET", "a secret of twenty-odd"),
        ];
        let said = refusal(&app).await;
        assert!(
            said.contains("GITHUB_APP_PRIVATE_KEY") && !said.contains("canary"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_second_process_on_one_sqlite_file_is_refused() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let first = Serving::start(&database.url).await;
    let second = serve(&database.url)
        .output()
        .await
        .expect("the binary starts");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another process"));
    first.stop().await;
    database.drop().await;
}
