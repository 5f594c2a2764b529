//! A small server on the loopback: shows the page with the button, and takes the person who comes back from GitHub.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::web::{self, Data, Query};
use actix_web::{App, HttpResponse, HttpServer};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::manifest::Wish;
use super::page;

const BACK: &str = "/registered";

/// Open until it is shut, or the process ends.
#[derive(Debug)]
pub struct Door {
    pub address: SocketAddr,
    /// What it shows, for a browser on another machine.
    pub page: String,
    codes: mpsc::UnboundedReceiver<String>,
    handle: ServerHandle,
}

/// What all of its threads know.
struct Shared {
    page: String,
    state: String,
    codes: mpsc::UnboundedSender<String>,
}

#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
}

impl Door {
    /// Offers to register `wish` at `post_to`, which carries `state`.
    ///
    /// # Errors
    ///
    /// When nothing can be listened to.
    pub fn open(wish: &Wish, post_to: &str, state: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let manifest = wish.manifest(&format!("http://{address}{BACK}"));
        let page = page::register(post_to, &manifest);
        let (told, codes) = mpsc::unbounded_channel();
        let shared = Data::new(Shared {
            page: page.clone(),
            state: state.to_owned(),
            codes: told,
        });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .route("/", web::get().to(show))
                .route(BACK, web::get().to(take))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self {
            address,
            page,
            codes,
            handle,
        })
    }

    /// The code that somebody came back with; waits for it.
    pub async fn code(&mut self) -> Option<String> {
        self.codes.recv().await
    }

    /// Shuts it once whoever is answered has the answer.
    pub async fn shut(self) {
        self.handle.stop(true).await;
    }
}

async fn show(shared: Data<Shared>) -> HttpResponse {
    html(HttpResponse::Ok(), shared.page.clone())
}

/// Anybody's page can lead a browser here; only GitHub's answer to this registration knows its state.
async fn take(shared: Data<Shared>, back: Query<Back>) -> HttpResponse {
    let Back { code, state } = back.into_inner();
    match code {
        Some(code) if state.as_deref() == Some(shared.state.as_str()) => {
            // Nobody waits any more where a code was pasted meanwhile.
            let _ = shared.codes.send(code);
            let text = "The rest is said where `bindery setup` runs. This page can be closed.";
            html(HttpResponse::Ok(), page::say("GitHub made the App", text))
        }
        _ => {
            let text = "Confirm on the page that `bindery setup` shows the address of.";
            let page = page::say("This is no answer to this registration", text);
            html(HttpResponse::BadRequest(), page)
        }
    }
}

fn html(mut answer: actix_web::HttpResponseBuilder, page: String) -> HttpResponse {
    answer.content_type(ContentType::html()).body(page)
}
