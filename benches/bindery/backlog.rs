//! How long the oldest delivery that waits has been waiting, looked at all the time, as an operator would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use diesel::prelude::*;
use diesel::sql_types::Double;
use tokio_postgres::NoTls;

use crate::load::Window;
use crate::store::{Store, open};

const PAUSE: Duration = Duration::from_millis(10);
const ON_POSTGRES: &str = "SELECT (extract(epoch FROM clock_timestamp() - received_at) * 1000)::float8 \
    FROM deliveries WHERE state = 'received' ORDER BY scheduled_at, id LIMIT 1";
const ON_SQLITE: &str = "SELECT unixepoch('subsec') * 1000.0 - received_at / 1000.0 AS age \
    FROM deliveries WHERE state = 'received' ORDER BY scheduled_at, id LIMIT 1";

/// Looks on a thread of its own until it is asked what it saw.
pub struct Watch {
    over: Arc<AtomicBool>,
    looking: JoinHandle<anyhow::Result<Vec<Look>>>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    /// Milliseconds; 0 when nothing waits.
    age: f64,
}

#[derive(QueryableByName)]
struct Age {
    #[diesel(sql_type = Double)]
    age: f64,
}

impl Watch {
    pub fn begin(store: &Store) -> Self {
        let (store, over) = (store.clone(), Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&over);
        let looking = std::thread::spawn(move || match store {
            Store::Postgres(url) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(on_postgres(&url, &until))
            }
            Store::Sqlite(path) => on_sqlite(&path, &until),
        });
        Self { over, looking }
    }

    /// Milliseconds in ascending order, of all looks within the window.
    pub async fn end(self, window: Window) -> anyhow::Result<Vec<f64>> {
        self.over.store(true, Ordering::Relaxed);
        let joined = tokio::task::spawn_blocking(move || self.looking.join()).await?;
        let looks = joined.map_err(|_| anyhow!("the watch panicked"))??;
        let within = looks.into_iter().filter(|look| window.has(look.at));
        let mut ages: Vec<f64> = within.map(|look| look.age).collect();
        ages.sort_by(f64::total_cmp);
        Ok(ages)
    }
}

async fn on_postgres(url: &str, over: &AtomicBool) -> anyhow::Result<Vec<Look>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    let oldest = client.prepare(ON_POSTGRES).await?;
    let mut looks = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let found = client.query_opt(&oldest, &[]).await?;
        let age = found.map_or(Ok(0.0), |row| row.try_get(0))?;
        looks.push(Look::now(age));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(looks)
}

fn on_sqlite(path: &str, over: &AtomicBool) -> anyhow::Result<Vec<Look>> {
    let mut connection = open(path)?;
    let mut looks = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let found: Option<Age> = diesel::sql_query(ON_SQLITE)
            .get_result(&mut connection)
            .optional()?;
        looks.push(Look::now(found.map_or(0.0, |found| found.age)));
        std::thread::sleep(PAUSE);
    }
    Ok(looks)
}

impl Look {
    fn now(age: f64) -> Self {
        Self {
            at: Instant::now(),
            age: age.max(0.0),
        }
    }
}
