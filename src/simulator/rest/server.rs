use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::{StreamExt, stream};

use crate::simulator::Shared;
use crate::simulator::deliveries::Letter;
use crate::simulator::faults::Effect;
use crate::simulator::host::ENTERPRISE_PATH;

use super::pipeline::Handled;
use super::{Answer, Asked};

/// Far more than any request of an App has.
const MAX_BODY: usize = 1024 * 1024;

/// What is written before a cut needs a moment to leave, else the client sees no answer at all.
const FLUSH: Duration = Duration::from_millis(20);

/// The listening socket; it closes when this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

impl Listening {
    pub(crate) async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The command is sent by the call; only its end would be waited for.
        drop(self.handle.stop(false));
    }
}

pub(crate) fn listen(address: SocketAddr, shared: Arc<Shared>) -> std::io::Result<Listening> {
    let shared = Data::from(shared);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&shared))
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .default_service(web::to(serve))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .bind(address)?;
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Listening { address, handle })
}

async fn serve(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let _flying = shared.in_flight.begin();
    let asked = read(&request, &body);
    let (handled, stalled) = shared.with(|world| {
        let handled = world.handle(&asked);
        // Before anybody can know of the request: whoever does may wait for what it asked for.
        let more = handled.later.len();
        shared.redelivering.send_if_modified(|waiting| {
            *waiting += more;
            more > 0
        });
        let logged = world.requests.last_mut();
        (
            handled,
            logged.and_then(|logged| shared.stall.strike(logged)),
        )
    });
    let Handled {
        answer,
        fault,
        later,
    } = handled;
    for (letter, redelivery) in later {
        send_later(&shared, letter, redelivery);
    }
    if let Some(stalled) = stalled {
        stalled.let_go().await;
        return hang_up();
    }
    let Some(fault) = fault else {
        return write(answer);
    };
    tokio::time::sleep(fault.delay).await;
    match fault.effect {
        Effect::Hang => std::future::pending().await,
        Effect::Cut => cut(answer),
        Effect::Endless { begin, again } => endless(&answer, begin, again),
        Effect::None | Effect::Answer { .. } => write(answer),
    }
}

/// A moment after the answer, as GitHub does. It has been counted as waiting.
fn send_later(shared: &Data<Shared>, letter: Letter, redelivery: bool) {
    let shared = Data::clone(shared);
    tokio::spawn(async move {
        shared.attempt(&letter, redelivery).await;
        shared.redelivering.send_modify(|waiting| *waiting -= 1);
    });
}

fn read(request: &HttpRequest, body: &[u8]) -> Asked {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let connection = request.connection_info();
    let path = request.uri().path();
    let prefix = if path.starts_with(ENTERPRISE_PATH) {
        ENTERPRISE_PATH
    } else {
        ""
    };
    Asked {
        method: request.method().to_string(),
        path: path.to_owned(),
        query: request.query_string().to_owned(),
        base: format!("{}://{}{prefix}", connection.scheme(), connection.host()),
        authorization: header("authorization"),
        accept: header("accept"),
        if_none_match: header("if-none-match"),
        user_agent: header("user-agent"),
        api_version: header("x-github-api-version"),
        body: body.to_vec(),
    }
}

fn begin(answer: &Answer) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response
}

fn write(answer: Answer) -> HttpResponse {
    begin(&answer).body(answer.body)
}

/// Closes the connection before anything is written to it.
fn hang_up() -> HttpResponse {
    let broken =
        stream::once(async { Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) });
    HttpResponse::Ok().body(SizedStream::new(1, broken))
}

/// Never comes to an end.
fn endless(answer: &Answer, begin_with: Vec<u8>, again: Vec<u8>) -> HttpResponse {
    let again = stream::repeat(Bytes::from(again));
    let all = stream::once(async { Bytes::from(begin_with) }).chain(again);
    begin(answer).streaming(all.map(Ok::<_, std::io::Error>))
}

/// Promises the whole body and breaks off in its middle.
fn cut(answer: Answer) -> HttpResponse {
    let mut response = begin(&answer);
    let whole = answer.body.len() as u64;
    let mut half = answer.body;
    half.truncate(half.len() / 2);
    let half = stream::once(async { Ok(Bytes::from(half)) });
    let broken = stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    response.body(SizedStream::new(whole, half.chain(broken)))
}
