use super::setting::settings;

settings! {
    /// Which part of the work a process does. With PostgreSQL any number of processes share it, each
    /// with both roles or with one.
    pub struct RolesConfig in "roles" {
        /// Whether it takes deliveries and serves the API. Without, it answers `/livez`, `/readyz` and
        /// `/metrics` alone.
        receiver: bool = value "true", "BINDERY_RECEIVER", flag "no-receiver";
        /// Whether it processes deliveries, runs jobs, heals and deletes what has served its time.
        worker: bool = value "true", "BINDERY_WORKER", flag "no-worker";
    }
}
