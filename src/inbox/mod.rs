//! The inbox: every proven delivery, recorded once by (App, GUID) before it is acknowledged, and
//! processed later.

mod decision;
mod ledger;
mod prune;
mod record;
mod seen;
mod worker;

pub use decision::{Decision, NewDecision, Verdict, decisions_about, decisions_of, replace};
pub use ledger::{
    About, Delivery, DeliveryFilter, DeliveryState, Replay, SignedBy, body, count_waiting, find,
    list, of_guid, oldest_waiting, replay,
};
pub use prune::{prune_bodies, prune_deliveries};
pub use record::{Inbox, NewDelivery, Recorded};
pub use seen::{
    SeenDelivery, Told, before_of, known_guids, newest_push, push_of, record_seen, unread_pushes,
};
pub use worker::{InboxSettings, InboxWorker};
