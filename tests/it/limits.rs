//! What strangers can make the real binary hold: memory, and connections.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::process::{Serving, serve};
use crate::support::{APP_ID, Engine, KEY, SECRET, TestDatabase};
use crate::webhook::post::Post;
use crate::webhook::wire::Wire;

const MIB: usize = 1 << 20;

async fn start(database: &TestDatabase) -> Serving {
    let mut command = serve(&database.url);
    command
        .env("GITHUB_API_URL", "http://127.0.0.1:9")
        .env("GITHUB_APP_ID", APP_ID.to_string())
        .env("GITHUB_APP_PRIVATE_KEY", KEY)
        .env("GITHUB_WEBHOOK_SECRET", SECRET);
    Serving::spawn(command).await
}

fn authority(serving: &Serving) -> String {
    serving.api.url("").trim_start_matches("http://").to_owned()
}

/// The most memory that the process has held, in bytes.
pub fn peak(serving: &Serving) -> usize {
    let id = serving.child.id().expect("a running process");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux tells");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.expect("a peak").trim().trim_end_matches(" kB");
    kib.parse::<usize>().expect("a number") << 10
}

/// 10 MiB that decompress to more than 10 GiB: one member of 10 MiB of zeros, over and over.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 10 * MIB]).expect("memory");
    let member = encoder.finish().expect("memory");
    member.repeat(10 * MIB / member.len())
}

/// Open files of this process and of those that it starts.
async fn allow_files(count: u32) {
    let set = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--nofile={count}:"))
        .status()
        .await;
    assert!(
        set.is_ok_and(|status| status.success()),
        "{count} files must be allowed (ulimit -Hn)"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w22_a_bomb_is_refused_and_costs_no_memory() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let serving = start(&database).await;
    let bomb = bomb();
    assert!(bomb.len() > 9 * MIB);
    Post::push()
        .send_on(Wire::connect(&authority(&serving)).await)
        .await
        .expect(202);
    let before = peak(&serving);
    for encoding in [
        "gzip",
        "GZIP",
        "x-gzip",
        "deflate",
        "br",
        "zstd",
        "identity, gzip",
    ] {
        let post = Post::new("push", bomb.clone()).with("Content-Encoding", encoding);
        post.send_on(Wire::connect(&authority(&serving)).await)
            .await
            .expect(415);
    }
    // What is not said to be compressed is not either: it is no JSON.
    let unsaid = Post::new("push", bomb);
    unsaid
        .send_on(Wire::connect(&authority(&serving)).await)
        .await
        .expect(400);
    let grown = peak(&serving).saturating_sub(before);
    assert!(grown < 128 * MIB, "{} MiB", grown / MIB);
    serving.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w31_two_thousand_idle_connections_hold_nobody_up() {
    allow_files(8192).await;
    let database = TestDatabase::create(Engine::Sqlite).await;
    let serving = start(&database).await;
    let authority = authority(&serving);
    let mut idle = Vec::new();
    for number in 0..2000 {
        let mut connection = TcpStream::connect(&authority).await.expect("it accepts");
        if number % 2 == 0 {
            connection
                .write_all(b"POST /webhooks/github HTTP/1.1\r\nX-Idle: ")
                .await
                .expect("it listens");
        }
        idle.push(connection);
    }
    let mut took = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        Post::push()
            .send_on(Wire::connect(&authority).await)
            .await
            .expect(202);
        took.push(begun.elapsed());
    }
    took.sort();
    assert!(took[98] < Duration::from_secs(1), "{took:?}");
    assert!(peak(&serving) < 512 * MIB, "{} MiB", peak(&serving) / MIB);
    drop(idle);
    serving.stop().await;
    database.drop().await;
}
