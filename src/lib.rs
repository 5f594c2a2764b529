//! Bindery keeps a database in step with GitHub.

pub mod apps;
pub mod binding;
pub mod blob;
pub mod clock;
pub mod config;
pub mod content;
pub mod context;
pub mod db;
pub mod git;
pub mod github;
pub mod github_app;
pub mod grant;
pub mod ids;
pub mod installation;
pub mod organization;
pub mod project;
pub mod queue;
pub mod repository;
pub mod repository_ref;
pub mod routes;
pub mod slug;
pub mod sync;
pub mod token;
