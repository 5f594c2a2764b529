//! What the stories are told with.

mod api;
mod database;
pub mod logs;
mod stories;
mod world;

pub use api::Api;
pub use database::{Engine, TestDatabase};
pub use stories::Either;
pub(crate) use stories::stories;
pub use world::{ADMIN, APP_ID, KEY, OCTO, SECRET, World, begin, binding_path, config, simulator};
