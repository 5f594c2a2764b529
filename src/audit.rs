//! The audit log: what operators did, and what they were refused for want of a role or a scope. An event
//! is written in the transaction of the change that it tells of, and outlives what it is about.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::audit_events;
use crate::db::{Conn, Dialect, text_enum};
use crate::ids::{AuditEventId, OrganizationId, TokenId};

text_enum! {
    /// What was done, or refused. To read is an action only where it was refused.
    pub enum Action {
        OrganizationPut = "organization.put",
        OrganizationDelete = "organization.delete",
        OrganizationRead = "organization.read",
        ProjectPut = "project.put",
        ProjectDelete = "project.delete",
        ProjectRead = "project.read",
        BindingPut = "binding.put",
        BindingDelete = "binding.delete",
        BindingSync = "binding.sync",
        BindingRead = "binding.read",
        GrantPut = "grant.put",
        GrantDelete = "grant.delete",
        GrantRead = "grant.read",
        TokenCreate = "token.create",
        TokenRevoke = "token.revoke",
        TokenRead = "token.read",
        DeliveryReplay = "delivery.replay",
        DeliveryRead = "delivery.read",
        JobRetry = "job.retry",
        JobCancel = "job.cancel",
        JobRead = "job.read",
        HealingRead = "healing.read",
        ExplanationRead = "explanation.read",
        AuditRead = "audit.read",
        OverviewRead = "overview.read",
        RepositoryRead = "repository.read",
        SessionCreate = "session.create",
        SessionEnd = "session.end",
    }
}

text_enum! {
    /// What sort of somebody acted.
    pub enum ActorKind {
        /// Whoever has a token of the database.
        Token = "token",
        /// Whoever has the token of the configuration.
        ConfiguredAdmin = "configured_admin",
        /// The process itself: asked by nobody, or by whoever ran a command beside it on its machine.
        Process = "process",
    }
}

/// Who acted. Never with a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Token {
        id: TokenId,
        label: String,
    },
    ConfiguredAdmin,
    Process,
    /// Whoever may read the settings and the database, and ran a command there.
    CommandLine,
}

impl Actor {
    fn kind(&self) -> ActorKind {
        match self {
            Self::Token { .. } => ActorKind::Token,
            Self::ConfiguredAdmin => ActorKind::ConfiguredAdmin,
            Self::Process | Self::CommandLine => ActorKind::Process,
        }
    }

    /// `None`: the actor has none of the database.
    pub fn token_id(&self) -> Option<TokenId> {
        match self {
            Self::Token { id, .. } => Some(*id),
            Self::ConfiguredAdmin | Self::Process | Self::CommandLine => None,
        }
    }

    /// What people know the actor by.
    pub fn label(&self) -> &str {
        match self {
            Self::Token { label, .. } => label,
            Self::ConfiguredAdmin => "configured admin",
            Self::Process => "process",
            Self::CommandLine => "command line",
        }
    }
}

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct NewAuditEvent {
    pub actor: Actor,
    pub source: Option<IpAddr>,
    pub action: Action,
    /// Whose admins may read of it.
    pub organization: Option<OrganizationId>,
    /// The path of what it was done to, below the prefix.
    pub place: String,
    pub detail: Option<String>,
    /// HTTP's.
    pub status: u16,
    pub request_id: Option<String>,
}

impl NewAuditEvent {
    #[must_use]
    pub fn within(mut self, organization: OrganizationId) -> Self {
        self.organization = Some(organization);
        self
    }

    #[must_use]
    pub fn at(mut self, place: String) -> Self {
        self.place = place;
        self
    }

    #[must_use]
    pub fn with_detail(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(Dialect))]
pub struct AuditEvent {
    pub id: AuditEventId,
    pub at: DateTime<Utc>,
    pub actor: ActorKind,
    pub token_id: Option<TokenId>,
    pub token_label: Option<String>,
    pub source: Option<String>,
    /// An [`Action`], or one that only a later release knows.
    pub action: String,
    pub organization_id: Option<OrganizationId>,
    pub place: String,
    pub detail: Option<String>,
    pub status: i16,
    pub request_id: Option<String>,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub organization: Option<OrganizationId>,
    pub action: Option<Action>,
    pub actor: Option<ActorFilter>,
    pub since: Option<DateTime<Utc>>,
    pub before: Option<AuditEventId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorFilter {
    Token(TokenId),
    Kind(ActorKind),
}

/// Must run in the transaction of what it tells of.
pub async fn record(event: &NewAuditEvent, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    let label = event.actor.token_id().map(|_| event.actor.label());
    let row = (
        audit_events::at.eq(now),
        audit_events::actor.eq(event.actor.kind()),
        audit_events::token_id.eq(event.actor.token_id()),
        audit_events::token_label.eq(label),
        audit_events::source.eq(event.source.map(|source| source.to_string())),
        audit_events::action.eq(event.action.as_str()),
        audit_events::organization_id.eq(event.organization),
        audit_events::place.eq(&event.place),
        audit_events::detail.eq(event.detail.as_deref()),
        audit_events::status.eq(i16::try_from(event.status).unwrap_or(i16::MAX)),
        audit_events::request_id.eq(event.request_id.as_deref()),
    );
    diesel::insert_into(audit_events::table)
        .values(row)
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest first.
pub async fn list(
    filter: &AuditFilter,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<AuditEvent>> {
    let mut query = audit_events::table
        .order(audit_events::id.desc())
        .select(AuditEvent::as_select())
        .into_boxed()
        .limit(limit);
    if let Some(organization) = filter.organization {
        query = query.filter(audit_events::organization_id.eq(organization));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit_events::action.eq(action.as_str()));
    }
    match filter.actor {
        Some(ActorFilter::Token(id)) => query = query.filter(audit_events::token_id.eq(id)),
        Some(ActorFilter::Kind(kind)) => query = query.filter(audit_events::actor.eq(kind)),
        None => {}
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_events::at.ge(since));
    }
    if let Some(before) = filter.before {
        query = query.filter(audit_events::id.lt(before));
    }
    query.load(conn).await
}

/// Deletes some that are older than `before`; fewer than `limit` means: all of them.
pub async fn prune(before: DateTime<Utc>, limit: i64, conn: &mut Conn) -> QueryResult<usize> {
    let old: Vec<AuditEventId> = audit_events::table
        .filter(audit_events::at.lt(before))
        .order(audit_events::at)
        .select(audit_events::id)
        .limit(limit)
        .load(conn)
        .await?;
    diesel::delete(audit_events::table.filter(audit_events::id.eq_any(old)))
        .execute(conn)
        .await
}
