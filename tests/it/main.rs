//! One binary of stories, each told on SQLite and on PostgreSQL.
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![allow(missing_debug_implementations, reason = "nobody prints a world")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bindings;
mod coalescing;
mod content;
mod database;
mod demo;
mod failures;
mod identity;
mod matching;
mod publishing;
mod queue;
mod refs;
mod requests;
mod support;
mod tenancy;
mod webhook;
