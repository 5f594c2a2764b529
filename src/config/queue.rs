use std::time::Duration;

use super::setting::settings;

settings! {
    /// The queue of jobs and its workers.
    pub struct QueueConfig in "queue" {
        /// Jobs that this process runs at once.
        workers: u32 = value "8", "BINDERY_WORKERS", from "1" to "256";
        /// How long a job stays with a worker that gives no sign of life; then it runs elsewhere.
        /// A living worker extends it in time.
        lease: Duration = value "60s", "BINDERY_LEASE", from "1s" to "1h";
        /// How often idle workers look for a job that no wake-up told them of.
        poll: Duration = value "5s", "BINDERY_QUEUE_POLL", from "100ms" to "1m";
        /// Attempts after which a failing job is discarded.
        max_attempts: u32 = value "12", "BINDERY_MAX_ATTEMPTS", from "1" to "100";
        /// The wait before the second attempt; it doubles with each further one.
        backoff_base: Duration = value "2s", "BINDERY_BACKOFF_BASE", from "10ms" to "1h";
        /// The longest wait between two attempts.
        backoff_max: Duration = value "15m", "BINDERY_BACKOFF_MAX", from "10ms" to "1d";
        /// Jobs of one installation that run at once, so that no installation starves another.
        per_installation: u32 = value "4", "BINDERY_WORKERS_PER_INSTALLATION", from "1" to "256";
        /// How long finished jobs can be looked at.
        keep_finished: Duration = value "7d", "BINDERY_KEEP_FINISHED_JOBS", from "1m" to "365d";
    }
}
