//! Bindery keeps a database in step with GitHub.

pub mod clock;
pub mod config;
pub mod db;
pub mod git;
pub mod github;
pub mod ids;
pub mod queue;
