use std::time::Duration;

use super::setting::settings;

settings! {
    /// The ledger of deliveries, and the workers that process them.
    pub struct InboxConfig in "inbox" {
        /// Deliveries that this process processes at once.
        workers: u32 = value "2", "BINDERY_INBOX_WORKERS", from "1" to "64";
        /// Attempts after which a delivery that cannot be processed is failed.
        max_attempts: u32 = value "5", "BINDERY_INBOX_MAX_ATTEMPTS", from "1" to "100";
        /// How long a delivery stays in the ledger, where a redelivery is recognised by its GUID.
        /// GitHub redelivers for three days, an Enterprise Server for seven.
        keep_deliveries: Duration = value "14d", "BINDERY_KEEP_DELIVERIES", from "4d" to "3650d";
        /// How long a delivery's body is kept, for replays; not longer than the delivery.
        keep_bodies: Duration = value "7d", "BINDERY_KEEP_BODIES", from "1m" to "3650d";
    }
}
