//! Deliveries that concern nothing bound, settled many at a time. An App that is installed on all of an
//! organisation hears of far more than is bound; what does concern something has a transaction of its own.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use futures_util::FutureExt;
use tracing::Instrument;

use super::decision;
use super::ledger::{self, Delivery, DeliveryState};
use super::reading::{Read, filed, read};
use super::settle::{settle, span};
use super::worker::InboxWorker;
use crate::binding;
use crate::db::schema::deliveries;
use crate::db::{Conn, DbError, Driver};
use crate::github::RepositoryName;
use crate::github::ids::RepositoryId;
use crate::ids::DeliveryId;
use crate::processors::{Concern, Verdict};
use crate::repository::{self, key_of};

/// Bytes of bodies that are read together; what is larger is processed by itself.
const BYTES: i64 = 4 << 20;

/// One that needs nobody, unless something is bound to what it is about.
struct Quiet {
    delivery: Delivery,
    about: Option<About>,
    verdict: Verdict,
}

/// What would have to be bound.
#[derive(Clone)]
struct About {
    host: String,
    repository: RepositoryId,
    name: RepositoryName,
}

impl About {
    fn key(&self) -> (String, String) {
        (key_of(&self.name.owner), key_of(&self.name.name))
    }
}

impl InboxWorker {
    /// Which of these it has settled. Whatever goes wrong is left to be processed one by one, where it is
    /// known whose fault it is.
    pub(super) async fn settle_quiet(&self, due: &[DeliveryId]) -> BTreeSet<DeliveryId> {
        let settled = async {
            let quiet = self.read_quiet(due).await?;
            if quiet.is_empty() {
                return Ok(BTreeSet::new());
            }
            self.settle_those(&quiet).await
        };
        match AssertUnwindSafe(settled).catch_unwind().await {
            Ok(Ok(settled)) => settled,
            Ok(Err(error)) => {
                tracing::debug!(%error, "deliveries could not be settled together");
                BTreeSet::new()
            }
            Err(_) => BTreeSet::new(),
        }
    }

    /// Outside of the transaction: bodies do not change.
    async fn read_quiet(&self, due: &[DeliveryId]) -> Result<Vec<Quiet>, DbError> {
        let mut conn = self.db.read().await?;
        let rows: Vec<Delivery> = deliveries::table
            .filter(deliveries::id.eq_any(due.to_vec()))
            .order(deliveries::id)
            .select(Delivery::as_select())
            .load(&mut conn)
            .await?;
        let mut left = BYTES;
        let small = rows.into_iter().filter(|row| {
            let fits = row.body_size <= left;
            left -= if fits { row.body_size } else { 0 };
            fits
        });
        let small: Vec<Delivery> = small.collect();
        let ids: Vec<DeliveryId> = small.iter().map(|row| row.id).collect();
        let mut bodies = ledger::bodies(&ids, &mut conn).await?;
        drop(conn);
        let quiet = small.into_iter().filter_map(|delivery| {
            let body = bodies.remove(&delivery.id)?;
            self.quiet(delivery, &body)
        });
        Ok(quiet.collect())
    }

    fn quiet(&self, delivery: Delivery, body: &[u8]) -> Option<Quiet> {
        let app = self.apps.of_row(delivery.github_app_id)?;
        let Read { event, envelope } = read(&delivery, body).ok()?;
        let (about, verdict) = match Concern::of(&event) {
            Concern::Nothing(verdict) => (None, verdict),
            Concern::Bound {
                repository,
                otherwise,
            } => {
                let about = About {
                    host: app.host.clone(),
                    repository: repository.id,
                    name: repository.name.clone(),
                };
                (Some(about), otherwise)
            }
            Concern::More => return None,
        };
        Some(Quiet {
            delivery,
            about,
            verdict: filed(verdict, envelope),
        })
    }

    async fn settle_those(&self, quiet: &[Quiet]) -> Result<BTreeSet<DeliveryId>, DbError> {
        let now = self.clock.now();
        let mut conn = self.db.write().await?;
        let settled = conn
            .transaction(async |conn| {
                let locked = lock(quiet, conn).await?;
                let heard: Vec<&About> = quiet.iter().filter_map(|it| it.about.as_ref()).collect();
                let bound = Bound::among(&heard, conn).await?;
                let unheard = quiet.iter().filter(|it| {
                    let is_bound = it.about.as_ref().is_some_and(|about| bound.has(about));
                    locked.contains(&it.delivery.id) && !is_bound
                });
                let unheard: Vec<&Quiet> = unheard.collect();
                let ids: Vec<DeliveryId> = unheard.iter().map(|it| it.delivery.id).collect();
                decision::forget(&ids, conn).await?;
                for it in unheard {
                    let span = span(&it.delivery);
                    if let Some(about) = &it.about {
                        span.record("repository.id", about.repository.get());
                    }
                    let settling = settle(&it.delivery, &it.verdict, now, conn);
                    settling.instrument(span).await?;
                }
                QueryResult::Ok(ids.into_iter().collect())
            })
            .await?;
        Ok(settled)
    }
}

/// Those that nobody else has, and that still wait.
async fn lock(quiet: &[Quiet], conn: &mut Conn) -> QueryResult<BTreeSet<DeliveryId>> {
    let ids: Vec<i64> = quiet.iter().map(|it| it.delivery.id.get()).collect();
    let waiting = deliveries::table
        .filter(deliveries::id.eq_any(ids))
        .filter(deliveries::state.eq(DeliveryState::Received.as_str()))
        .order(deliveries::id)
        .select(deliveries::id);
    let locked: Vec<i64> = match conn.driver() {
        Driver::Postgres(connection) => waiting.for_update().skip_locked().load(connection).await?,
        Driver::Sqlite(_) => waiting.load(conn).await?,
    };
    Ok(locked.into_iter().map(DeliveryId::new).collect())
}

/// By host: the repositories that are bound, and the names that something was bound by.
#[derive(Default)]
struct Bound {
    repositories: BTreeSet<(String, RepositoryId)>,
    names: BTreeSet<(String, (String, String))>,
}

impl Bound {
    async fn among(heard: &[&About], conn: &mut Conn) -> QueryResult<Self> {
        let mut bound = Self::default();
        let hosts: BTreeSet<&String> = heard.iter().map(|about| &about.host).collect();
        for host in hosts {
            let here = || heard.iter().filter(|about| about.host == *host);
            let ids: BTreeSet<RepositoryId> = here().map(|about| about.repository).collect();
            let ids: Vec<RepositoryId> = ids.into_iter().collect();
            let known = repository::find_all(host, &ids, conn).await?;
            let rows: Vec<_> = known.iter().map(|row| row.id).collect();
            let rows = binding::bound_among(&rows, conn).await?;
            let known = known.into_iter().filter(|row| rows.contains(&row.id));
            bound
                .repositories
                .extend(known.map(|row| (host.clone(), row.github_id)));
            let names = here().map(|about| about.key()).collect();
            let names = binding::requested_among(host, &names, conn).await?;
            bound
                .names
                .extend(names.into_iter().map(|name| (host.clone(), name)));
        }
        Ok(bound)
    }

    fn has(&self, about: &About) -> bool {
        let repository = (about.host.clone(), about.repository);
        let name = (about.host.clone(), about.key());
        self.repositories.contains(&repository) || self.names.contains(&name)
    }
}
