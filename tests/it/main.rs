//! One binary of stories, each told on SQLite and on PostgreSQL.
//!
//! A letter and a number before a story's name (`w24_…`, `e05_…`) are its row in the project's catalogue of
//! faults: F faults to survive, W bad inputs at the webhook, E events and identity, A the API and its
//! tenants, G a hostile GitHub, C content, I what holds whatever happens; `docs/faults.md` is the catalogue with
//! what pins each row, and `rows` says that none is forgotten. What a service of this
//! kind got wrong before us (Docverse, whose job we do again), and where we show that we do not:
//!
//! | | it | pinned by |
//! |---|---|---|
//! | 1 | kept the old repository's ids after a `PUT` to another | `bindings::another_repository_clears_…` |
//! | 2 | never synced pushes without commits | `refs::a_push_without_commits_…`, `refs::a_moved_tag_…` |
//! | 3 | lost an event whose processing failed | `webhook::poison` |
//! | 4 | called GitHub in the request and in the transaction | `publishing::receiving_and_processing_ask_…` |
//! | 5 | told the queue before the commit | `database::wakes` |
//! | 6 | never healed a missed rename | `identity::a_rename_whose_event_never_came_…` |
//! | 7 | let a repository at the old name take over | `identity::e05_…` |
//! | 8 | renamed nothing when a name collided | `identity::two_repositories_that_swap_names_…` |
//! | 9 | believed a truncated tree | `content::g24_…`, `failures::a_listing_that_lacks_…` |
//! | 10 | made five jobs of five replays; the last delivered won | `coalescing::f24_…`, `coalescing::reordered_…` |
//! | 11 | took a tag for a branch; knew case | `refs::e24_…`, `identity::an_unsynced_binding_…` |
//! | 12 | took SHA-1; answered 500 to strangers' bytes | `webhook::{proof, payload, framing}` |
//! | 13 | let any tenant bind anything; let `../` out | `tenancy`, `oracle`, `bindings::unknown_fields_…` |
//! | 14 | downloaded every file at every sync | `requests` |
//! | 15 | did not come back after unsuspend or reinstall | `failures::{e11_…, a_reinstalled_app_…}` |
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![allow(missing_debug_implementations, reason = "nobody prints a world")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod archive;
mod audit;
mod bindings;
mod canary;
mod certificates;
mod cli;
mod coalescing;
mod console;
mod content;
mod database;
mod demo;
mod door;
mod explain;
mod failures;
mod fsck;
mod healing;
mod hosts;
mod identity;
mod inbox;
mod limits;
mod manifests;
mod matching;
mod model;
mod names;
mod oracle;
mod outages;
mod process;
mod publishing;
mod queue;
mod refs;
mod replicas;
mod requests;
mod rows;
mod setup;
mod store;
mod support;
mod tenancy;
mod tokens;
mod webhook;
