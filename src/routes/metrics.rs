//! Measures for Prometheus. No label names a tenant or a repository: series stay few, and the page
//! needs no token.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use chrono::{DateTime, Utc};
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::{Api, measures};
use crate::db::DbError;
use crate::healing::{self, Healing};
use crate::{inbox, queue};

/// Seconds. Receiving takes milliseconds, GitHub hangs up after ten seconds, a sync may take minutes.
const BUCKETS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

/// How long a scrape waits for the database: what is measured in memory is shown without it.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Seconds, up to an hour: GitHub may be away, or its API behind its own webhook.
const PUSH_BUCKETS: [f64; 12] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];

fn builder() -> PrometheusBuilder {
    let pushes = Matcher::Full("bindery_push_to_published_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(pushes, &PUSH_BUCKETS))
        .expect("the lists of buckets are not empty")
}

/// What this process has measured. The first call begins the measuring, for the life of the process.
pub(super) fn recorded() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!(
                "the program around this library measures by itself: /metrics is nearly empty"
            );
        }
        measures::describe_recorded();
        handle
    })
}

/// Measures for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics", security(()),
    responses((status = 200, description = "In its text format", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(api: web::Data<Api>) -> HttpResponse {
    let depths = api.depths.get(&api.context.clock, depths(&api));
    let depths = tokio::time::timeout(DATABASE_TIMEOUT, depths).await;
    let now = render(depths.ok().and_then(Result::ok).as_deref(), api.now());
    HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        ))
        .body(recorded().render() + &now)
}

/// What waits and when healing went well, in all processes together.
#[derive(Debug)]
pub(super) struct Depths {
    queue: queue::Depth,
    inbox: i64,
    inbox_since: Option<DateTime<Utc>>,
    healed_at: Vec<(Healing, Option<DateTime<Utc>>)>,
}

async fn depths(api: &Api) -> Result<Arc<Depths>, DbError> {
    let mut conn = api.read().await?;
    Ok(Arc::new(Depths {
        queue: queue::depth(api.now(), &mut conn).await?,
        inbox: inbox::count_waiting(&mut conn).await?,
        inbox_since: inbox::oldest_waiting(&mut conn).await?,
        healed_at: healing::last_successes(&api.context, &mut conn).await?,
    }))
}

/// As gauges of a recorder of their own: they are the database's, not this process's.
fn render(depths: Option<&Depths>, now: DateTime<Utc>) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        measures::describe_stored();
        gauge!("bindery_database_up").set(f64::from(u8::from(depths.is_some())));
        let Some(depths) = depths else {
            return;
        };
        for (state, jobs) in depths.queue.jobs() {
            gauge!("bindery_queue_jobs", "state" => state.as_str()).set(number(jobs));
        }
        gauge!("bindery_queue_oldest_due_seconds").set(age(depths.queue.oldest_due, now));
        gauge!("bindery_inbox_waiting").set(number(depths.inbox));
        gauge!("bindery_inbox_oldest_seconds").set(age(depths.inbox_since, now));
        for (healing, at) in &depths.healed_at {
            let at = at.map_or(0, |at| at.timestamp());
            gauge!("bindery_healing_last_success_timestamp_seconds", "name" => healing.as_str())
                .set(number(at));
        }
    });
    recorder.handle().render()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count of rows, or of seconds since 1970, is far below 2^52"
)]
fn number(count: i64) -> f64 {
    count as f64
}

/// Seconds; 0 when there is nothing that could be old.
fn age(since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> f64 {
    let age = since.map(|since| (now - since).as_seconds_f64());
    age.unwrap_or_default().max(0.0)
}

/// Measures every request by its route.
pub(super) async fn measure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let method = known(request.method());
    let response = next.call(request).await?;
    let route = response.request().match_pattern();
    let route = route.unwrap_or_else(|| "none".to_owned());
    metrics::histogram!("bindery_http_request_seconds", "route" => route.clone())
        .record(started.elapsed());
    metrics::counter!(
        "bindery_http_requests_total",
        "method" => method,
        "route" => route,
        "status" => response.status().as_u16().to_string(),
    )
    .increment(1);
    Ok(response)
}

/// A client may make up methods; the series would not end.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
