//! Healing without events. Deliveries get lost, and of some things GitHub sends none: here we look by
//! ourselves, on start and on an interval, behind whatever somebody waits for.
//!
//! | | asks | heals |
//! |---|---|---|
//! | [`DeliverySweep`] | which deliveries GitHub lists | those that the ledger does not have |
//! | [`HeadPoll`] | what each bound branch or tag holds | pushes that nobody told of |
//! | [`InstallationPoll`] | what the installations are and cover | names, owners, access |
//!
//! Each is a kind of job; the [`Timer`] asks for them. None decides anything: a delivery that was missed
//! goes through the inbox, and the rest are requests for the same syncs and refreshes that events make.

mod failures;
mod head_poll;
mod installation_poll;
mod past;
mod round;
mod schedule;
mod sweep;
mod timer;

pub use head_poll::HeadPoll;
pub use installation_poll::InstallationPoll;
pub use past::{KEPT, last_successes, prune};
pub use schedule::{Healing, Timed, TimerState, find, list};
pub use sweep::DeliverySweep;
pub use timer::Timer;
