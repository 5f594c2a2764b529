//! What an App has to be allowed and told for Bindery to do its work: what a new one is registered with, what
//! tokens ask for, and what an App that is there is compared with.

/// Permissions of which `read` is enough, and more is never used.
pub const PERMISSIONS: [&str; 2] = ["contents", "metadata"];

/// Events to subscribe to. Those about installations are sent without.
pub const EVENTS: [&str; 5] = [
    "create",
    "delete",
    "installation_target",
    "push",
    "repository",
];

/// Where an App's webhook has to lead, below whatever leads to the service.
pub const WEBHOOK_PATH: &str = "/webhooks/github";

#[cfg(test)]
mod tests {
    use super::EVENTS;
    use crate::github::event;

    #[test]
    fn nothing_is_asked_for_that_is_not_used() {
        assert!(EVENTS.into_iter().all(event::is_used));
    }
}
