//! What cannot be beaten: the same server with nothing behind it, in a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use bindery::github::delivery_body::prove_object;
use bindery::github::header;
use bindery::github::signature::{SignatureHeader, SigningSecrets};
use clap::ValueEnum;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::app;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ceiling {
    /// Reads the body and answers.
    Bare,
    /// Proves it besides, as the service does.
    Verify,
}

/// One that is served.
pub struct Served {
    pub address: SocketAddr,
    pub pid: u32,
    child: Child,
}

impl Served {
    pub async fn start(ceiling: Ceiling) -> anyhow::Result<Self> {
        let name = ceiling.to_possible_value().context("a name")?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--ceiling", name.get_name()])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a ceiling")?;
        let said = child.stdout.take().context("its output")?;
        let line = BufReader::new(said).lines().next_line().await?;
        Ok(Self {
            address: line.context("a ceiling that does not listen")?.parse()?,
            pid: child.id().context("a process id")?,
            child,
        })
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Serves until it is killed. With as many workers as the service has.
pub async fn serve(ceiling: Ceiling) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let secrets = web::Data::new(app::secrets()?);
    let server = HttpServer::new(move || {
        let answer = match ceiling {
            Ceiling::Bare => web::post().to(accept),
            Ceiling::Verify => web::post().to(verify),
        };
        App::new()
            .app_data(secrets.clone())
            .route("/webhooks/github", answer)
    });
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = server
        .workers(workers)
        .disable_signals()
        .listen(listener)?
        .run();
    println!("{address}");
    Ok(server.await?)
}

/// As the service answers.
#[derive(Serialize)]
struct Receipt<'a> {
    delivery: &'a str,
    status: &'a str,
}

fn receipt(request: &HttpRequest) -> HttpResponse {
    HttpResponse::Accepted().json(Receipt {
        delivery: value(request, header::DELIVERY),
        status: "received",
    })
}

async fn accept(request: HttpRequest, body: web::Bytes) -> HttpResponse {
    // That it has been read is all.
    drop(body);
    receipt(&request)
}

async fn verify(
    request: HttpRequest,
    body: web::Bytes,
    secrets: web::Data<SigningSecrets>,
) -> HttpResponse {
    let signature = SignatureHeader::parse(value(&request, header::SIGNATURE).as_bytes());
    let is_proven = signature.is_ok_and(|header| secrets.verify(&header, &body).is_some());
    if !is_proven {
        return HttpResponse::Unauthorized().finish();
    }
    if prove_object(&body).is_err() {
        return HttpResponse::BadRequest().finish();
    }
    receipt(&request)
}

fn value<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
