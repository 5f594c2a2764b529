//! Bindery keeps a database in step with GitHub: what is **bound** to a repository, a ref and a path
//! is made to match it, exactly, whatever is renamed, moved, missed, repeated or reordered.
//!
//! The life of a push has three legs; each ends with a commit and waits for no other.
//!
//! 1. **Receive**: [`routes::webhook`] proves a delivery and hands it to the [`inbox`].
//! 2. **Process**: the [`inbox`]'s worker has a [`processors`] function decide what it concerns.
//! 3. **Sync**: the [`queue`]'s worker runs a [`sync`], which asks GitHub and publishes.
//!
//! What no event tells of is found by [`healing`], which sends it down the same legs.

// Puts the legs together.
pub mod apps;
pub mod cli;
pub mod context;
pub mod doctor;
pub mod explain;
pub mod fsck;
pub mod housekeeping;
pub mod serve;
pub mod setup;

// The legs.
pub mod healing;
pub mod inbox;
pub mod processors;
pub mod queue;
pub mod refresh;
pub mod routes;
pub mod sync;

// The nouns: types and their SQL.
pub mod audit;
pub mod binding;
pub mod blob;
pub mod content;
pub mod github_app;
pub mod grant;
pub mod ids;
pub mod installation;
pub mod organization;
pub mod project;
pub mod repository;
pub mod repository_ref;
pub mod session;
pub mod slug;
pub mod token;

// What they stand on.
pub mod clock;
pub mod config;
pub mod db;
pub mod git;
pub mod github;

// A believable GitHub, for the demo, the tests and whoever develops offline.
pub mod simulator;

#[cfg(test)]
mod committed_table;
