//! GitHub, as far as Bindery speaks with it. Knows nothing of our rows: it could be a crate tomorrow.

pub mod ids;
mod name;

pub use name::RepositoryName;
