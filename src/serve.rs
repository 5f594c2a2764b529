//! Puts the legs together: the HTTP server in front, the inbox's and the queue's workers behind, and
//! beside them the timer of what is done unasked and the housekeeping.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use secrecy::SecretString;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::healing::{DeliverySweep, HeadPoll, InstallationPoll, Timer};
use crate::housekeeping;
use crate::inbox::{InboxSettings, InboxWorker};
use crate::queue::{Backoff, Registry, Worker, WorkerSettings};
use crate::refresh::{InstallationRefresh, RepositoryRefresh};
use crate::routes::{self, Api};
use crate::sync::ContentSync;

/// The HTTP server, answering.
#[derive(Debug)]
pub struct Http {
    pub address: SocketAddr,
    /// The start of every link, with the path prefix.
    pub base_url: String,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl Http {
    pub async fn start(context: &Context) -> anyhow::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self::start_with(context, threads, |api| api)
    }

    /// The same API for one command on the machine itself, by a token that it alone knows.
    pub fn start_for_command(context: &Context, token: &SecretString) -> anyhow::Result<Self> {
        Self::start_with(context, 1, |api| api.for_command(token.clone()))
    }

    fn start_with(
        context: &Context,
        threads: usize,
        adapt: impl FnOnce(Api) -> Api,
    ) -> anyhow::Result<Self> {
        let config = &context.config.http;
        let listener = std::net::TcpListener::bind(config.listen)
            .with_context(|| format!("cannot listen on {} (BINDERY_LISTEN)", config.listen))?;
        let address = listener.local_addr()?;
        let base_url = config.base_url(address);
        let api = adapt(Api::new(context.clone(), base_url.clone()));
        let server = HttpServer::new(move || routes::app(api.clone()))
            .client_request_timeout(config.request_timeout)
            .client_disconnect_timeout(Duration::from_secs(1))
            .shutdown_timeout(config.shutdown_timeout.as_secs())
            .workers(threads)
            .disable_signals()
            .listen(listener)?
            .run();
        let handle = server.handle();
        Ok(Self {
            address,
            base_url,
            handle,
            server: tokio::spawn(server),
        })
    }

    /// Takes no new connection, and answers what is in flight.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.handle.stop(true).await;
        self.server.await??;
        Ok(())
    }

    /// Drops what is in flight: for whoever was told to stop twice.
    pub async fn abort(self) {
        self.handle.stop(false).await;
        self.server.abort();
    }
}

/// The workers of this process, not yet working: a test drains them, a service runs them.
#[derive(Debug, Clone)]
pub struct Workers {
    pub inbox: InboxWorker,
    pub queue: Worker,
    pub timer: Timer,
}

impl Workers {
    pub fn new(context: &Context) -> Self {
        let (db, clock, config) = (&context.db, &context.clock, &context.config);
        let backoff = Backoff {
            base: config.queue.backoff_base,
            max: config.queue.backoff_max,
        };
        let inbox = InboxSettings {
            workers: config.inbox.workers as usize,
            max_attempts: i32::try_from(config.inbox.max_attempts).unwrap_or(i32::MAX),
            backoff,
            poll: config.queue.poll,
            job_max_attempts: i32::try_from(config.queue.max_attempts).unwrap_or(i32::MAX),
            grants: config.access.grants,
        };
        let queue = WorkerSettings {
            concurrency: config.queue.workers as usize,
            per_installation: config.queue.per_installation as usize,
            lease: config.queue.lease,
            poll: config.queue.poll,
            backoff,
            grace: config
                .http
                .shutdown_timeout
                .saturating_sub(Duration::from_secs(5)),
        };
        Self {
            inbox: InboxWorker::new(db.clone(), clock.clone(), context.apps.clone(), inbox),
            queue: Worker::new(
                db.clone(),
                clock.clone(),
                kinds(context),
                queue,
                &worker_name(),
            ),
            timer: Timer::new(context.clone()),
        }
    }

    /// Works until `stop`, and gives back what does not end in time.
    ///
    /// # Errors
    /// When one of them ended by itself, by a panic: then the others are stopped, too.
    pub async fn run(&self, context: &Context, stop: CancellationToken) -> anyhow::Result<()> {
        let mut legs = JoinSet::new();
        let (inbox, queue, timer) = (self.inbox.clone(), self.queue.clone(), self.timer.clone());
        let (listening, keeping) = (context.db.clone(), context.clone());
        let tokens = [(); 5].map(|()| stop.clone());
        let [for_inbox, for_queue, for_timer, for_listening, for_keeping] = tokens;
        legs.spawn(async move { inbox.run(for_inbox).await });
        legs.spawn(async move { queue.run(for_queue).await });
        legs.spawn(async move { timer.run(for_timer).await });
        legs.spawn(async move { listening.listen(for_listening).await });
        legs.spawn(async move { housekeeping::run(&keeping, for_keeping).await });
        let mut ended = Ok(());
        while let Some(leg) = legs.join_next().await {
            if let Err(error) = leg {
                stop.cancel();
                ended = Err(anyhow::anyhow!("a worker ended by itself: {error}"));
            }
        }
        ended
    }
}

/// Every kind of job that this program knows. A capability adds its own here.
fn kinds(context: &Context) -> Registry {
    Registry::default()
        .with(ContentSync::new(context.clone()))
        .with(RepositoryRefresh::new(context.clone()))
        .with(InstallationRefresh::new(context.clone()))
        .with(DeliverySweep::new(context.clone()))
        .with(HeadPoll::new(context.clone()))
        .with(InstallationPoll::new(context.clone()))
}

/// Tells workers apart in `jobs.worker`, over processes and restarts.
fn worker_name() -> String {
    format!("{}-{:08x}", std::process::id(), rand::random::<u32>())
}

/// A whole service: HTTP, and workers where it has that role.
#[derive(Debug)]
pub struct Service {
    pub http: Http,
    stop: CancellationToken,
    workers: JoinHandle<anyhow::Result<()>>,
}

impl Service {
    pub async fn start(context: Context) -> anyhow::Result<Self> {
        let http = Http::start(&context).await?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let workers = if context.config.roles.worker {
            let workers = Workers::new(&context);
            tokio::spawn(async move { workers.run(&context, stopped).await })
        } else {
            tokio::spawn(async move {
                stopped.cancelled().await;
                Ok(())
            })
        };
        Ok(Self {
            http,
            stop,
            workers,
        })
    }

    /// Returns when a leg has ended although nobody stopped it: the rest is of no use then.
    pub async fn failed(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            server = &mut self.http.server => server.map(|ended| ended.map_err(anyhow::Error::from)),
            workers = &mut self.workers => workers,
        };
        match ended {
            Ok(Ok(())) => anyhow::anyhow!("the service ended by itself"),
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        }
    }

    /// In-flight requests are answered, running jobs finished or given back.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let (http, workers) = tokio::join!(self.http.stop(), self.workers);
        workers??;
        http
    }
}
