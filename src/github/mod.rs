//! GitHub, as far as Bindery speaks with it. Knows nothing of our rows: it could be a crate tomorrow.

mod app_auth;
pub mod client;
pub mod delivery_body;
mod error;
pub mod event;
pub mod header;
pub mod ids;
mod name;
pub mod needed;
mod quote;
pub mod signature;

pub use app_auth::{PrivateKeyError, PrivateKeyPem};
pub use client::{GitHub, GitHubConfig};
pub use error::{AccessLost, Cause, GitHubError, RateLimitKind};
pub use name::RepositoryName;
