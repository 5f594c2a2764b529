//! Bindery keeps a database in step with GitHub.

pub mod clock;
pub mod git;
pub mod github;
pub mod simulator;
