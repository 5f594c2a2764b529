//! The database layer by itself, on both engines.

mod bench;
mod catalogue;
mod connection;
mod opening;
mod values;
mod wakes;
