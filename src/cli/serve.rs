use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use diesel_async::AsyncConnection;
use sd_notify::NotifyState;
use secrecy::ExposeSecret;

use super::signals::Signals;
use super::{logging, out};
use crate::audit::{self, Action, Actor, NewAuditEvent};
use crate::clock::Clock;
use crate::config::{Config, Flags, Grants, RolesConfig, Sources};
use crate::context::Context;
use crate::serve::Service;
use crate::token::{self, Created, NewToken, Role, Token};

/// As a shell says "ended by SIGINT".
const ENDED_AT_ONCE: i32 = 130;
/// For what comes after the last request and the last job: closing the database.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// `bindery serve`
pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let config = Config::load(&Sources::process(flags))?;
    logging::start(&config.log);
    let mut signals = Signals::listen()?;
    let context = Context::open(config, Clock::system()).await?;
    make_first_admin(&context).await?;
    let mut service = Service::start(context.clone()).await?;
    announce(&context, &service);
    tell_init(&[
        NotifyState::Ready,
        NotifyState::Status(&format!("serving on {}", service.http.address)),
    ]);
    tokio::select! {
        () = signals.next() => {}
        error = service.failed() => return Err(error),
    }
    stop(&context, service, signals).await
}

async fn stop(
    context: &Context,
    service: Service,
    mut signals: Signals,
) -> anyhow::Result<ExitCode> {
    let limit = context.config.http.shutdown_timeout;
    tell_init(&[NotifyState::Stopping]);
    tracing::info!("stopping; a second signal ends the process at once");
    tokio::select! {
        stopped = tokio::time::timeout(limit + LAST_WORDS, service.stop()) => match stopped {
            Ok(stopped) => stopped?,
            Err(_) => bail!("did not stop within {limit:?} (BINDERY_SHUTDOWN_TIMEOUT)"),
        },
        // Nothing is lost by it: every leg can be killed at any instant.
        () = signals.next() => std::process::exit(ENDED_AT_ONCE),
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// systemd, of a unit with `Type=notify`, starts what needs the service once it serves. Nobody else listens.
fn tell_init(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the init system cannot be told how the service does");
    }
}

async fn make_first_admin(context: &Context) -> anyhow::Result<()> {
    let Some(made) = first_admin(context).await? else {
        return Ok(());
    };
    if let Err(error) = show(&made) {
        // Nobody has it, so nobody could use it; the next start makes another one.
        take_back(&made.token, context).await?;
        return Err(error).context("cannot print the first admin token");
    }
    Ok(())
}

/// Somebody must be able to make the first organisation and the first tokens. `None` when somebody is.
async fn first_admin(context: &Context) -> anyhow::Result<Option<Created>> {
    if context.config.access.admin_token.is_some() {
        return Ok(None);
    }
    let now = context.clock.now();
    let mut conn = context.db.write().await?;
    if token::has_global_admin(now, &mut conn).await? {
        return Ok(None);
    }
    let new = NewToken {
        label: "first start".to_owned(),
        organization_id: None,
        role: Role::Admin,
        expires_at: None,
    };
    let created = conn
        .transaction(async |conn| {
            let created = token::create(&new, now, conn).await?;
            let event = of_the_process(Action::TokenCreate, &created.token, 201);
            audit::record(&event, now, conn).await?;
            Ok::<_, diesel::result::Error>(created)
        })
        .await?;
    Ok(Some(created))
}

async fn take_back(token: &Token, context: &Context) -> anyhow::Result<()> {
    let now = context.clock.now();
    let mut conn = context.db.write().await?;
    conn.transaction(async |conn| {
        token::revoke(token, true, now, conn).await?;
        let event = of_the_process(Action::TokenRevoke, token, 204);
        audit::record(&event, now, conn).await
    })
    .await?;
    Ok(())
}

fn of_the_process(action: Action, token: &Token, status: u16) -> NewAuditEvent {
    NewAuditEvent {
        actor: Actor::Process,
        source: None,
        action,
        organization: None,
        place: format!("/tokens/{}", token.id),
        detail: Some(format!("{}, {}", token.label, token.role)),
        status,
        request_id: None,
    }
}

fn show(made: &Created) -> anyhow::Result<()> {
    out::say(format_args!(
        "The first admin token, shown this once:\n\n    {}\n",
        made.secret.expose_secret()
    ))
}

/// What an operator has to know of how it runs.
fn announce(context: &Context, service: &Service) {
    let config = &context.config;
    tracing::info!(
        address = %service.http.address,
        url = service.http.base_url,
        database = config.database.url.redacted(),
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    announce_roles(&config.roles);
    for app in context.apps.iter() {
        tracing::info!(github.host = app.host, github.app_id = %app.app_id, "GitHub App");
    }
    if !config.missing.is_empty() {
        let missing = config.missing.join(", ");
        if context.apps.is_empty() {
            tracing::warn!(
                missing,
                "no GitHub App: webhooks are answered 503 until these are set"
            );
        } else {
            tracing::warn!(missing, "a GitHub App is left out until these are set");
        }
    }
    if config.access.grants == Grants::Off {
        tracing::warn!(
            "BINDERY_GRANTS=off: any organisation may bind any repository that an App can read, and learn which private ones there are"
        );
    }
}

fn announce_roles(roles: &RolesConfig) {
    if !roles.worker {
        tracing::info!("no worker: what is received here waits for a process that is one");
    }
    if !roles.receiver {
        tracing::info!("no receiver: deliveries and the API are answered 404 here");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn context(folder: &tempfile::TempDir, admin_token: Option<&str>) -> Context {
        let url = format!("sqlite://{}/bindery.db", folder.path().display());
        let variable = |name: &str| match name {
            "DATABASE_URL" => Some(url.clone().into()),
            "BINDERY_ADMIN_TOKEN" => admin_token.map(Into::into),
            _ => None,
        };
        let config = Config::load(&Sources::new(Flags::default(), variable));
        let context = Context::open(config.expect("good settings"), Clock::system()).await;
        context.expect("a database")
    }

    #[tokio::test]
    async fn an_admin_is_made_when_there_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(&folder, None).await;
        let made = first_admin(&context).await.expect("a look");
        let made = made.expect("the first admin");
        assert!(first_admin(&context).await.expect("a look").is_none());
        take_back(&made.token, &context).await.expect("revoked");
        let mut conn = context.db.read().await.expect("a connection");
        let events = audit::list(&audit::AuditFilter::default(), 9, &mut conn).await;
        let events = events.expect("the audit log").into_iter();
        let said: Vec<_> = events.map(|event| (event.actor, event.action)).collect();
        let by_itself = |action: Action| (audit::ActorKind::Process, action.to_string());
        let expected = [Action::TokenRevoke, Action::TokenCreate].map(by_itself);
        assert_eq!(said, expected, "the newest first");
        drop(conn);
        assert!(first_admin(&context).await.expect("a look").is_some());
    }

    #[tokio::test]
    async fn a_configured_admin_is_enough() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(&folder, Some("an admin token of the tests")).await;
        assert!(first_admin(&context).await.expect("a look").is_none());
    }
}
