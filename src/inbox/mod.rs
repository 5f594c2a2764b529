//! The inbox: every proven delivery, recorded once by (App, GUID) before it is acknowledged, and
//! processed later.

mod batch;
mod body;
mod decision;
mod group;
mod ledger;
mod prune;
mod quiet;
mod reading;
mod record;
mod seen;
mod settle;
mod tally;
mod worker;

pub use body::{Encoding, raw_size};
pub use decision::{Decision, NewDecision, Verdict, decisions_about, decisions_of, replace};
pub use group::{Inbox, NotRecorded};
pub use ledger::{
    About, Delivery, DeliveryFilter, DeliveryState, Replay, SignedBy, body, count_waiting, find,
    list, of_guid, oldest_waiting, replay,
};
pub use prune::{prune_bodies, prune_deliveries};
pub use record::{NewDelivery, Recorded, record};
pub use seen::{
    SeenDelivery, Told, before_of, known_guids, newest_push, push_of, record_seen, unread_pushes,
};
pub use tally::{Travel, count_received, travels};
pub use worker::{InboxSettings, InboxWorker};
