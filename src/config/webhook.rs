use std::time::Duration;

use bytesize::ByteSize;

use super::setting::settings;

settings! {
    /// What is taken from GitHub's webhooks.
    pub struct WebhookConfig in "webhook" {
        /// The largest delivery taken. GitHub sends none above 25 MB, so 25 MiB misses nothing.
        max_body: ByteSize = value "25MiB", "BINDERY_WEBHOOK_MAX_BODY", from "1KiB" to "25MiB";
        /// How long a sender may take for a body. GitHub itself gives up after 10 seconds, and shall
        /// be told before.
        body_timeout: Duration = value "9s", "BINDERY_WEBHOOK_BODY_TIMEOUT",
            from "100ms" to "1m";
        /// What all bodies under way may hold together, beyond the first 64 KiB of each; half of it for one
        /// address, and a quarter kept for bodies of up to a 256th of it (1 MiB). Further ones wait or are
        /// answered 503.
        /// At least the largest delivery.
        body_memory: ByteSize = value "256MiB", "BINDERY_WEBHOOK_BODY_MEMORY",
            from "1KiB" to "16GiB";
        /// Whether deliveries as `application/x-www-form-urlencoded` are taken too.
        forms: bool = value "true", "BINDERY_WEBHOOK_FORMS";
    }
}
