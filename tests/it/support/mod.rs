//! What the stories are told with.

mod api;
mod database;
pub mod logs;
mod proxy;
mod stories;
mod world;

pub use api::{Answer, Api};
pub use database::{Engine, TestDatabase};
pub use proxy::Proxy;
pub use stories::Either;
pub(crate) use stories::stories;
pub use world::{ADMIN, APP_ID, KEY, OCTO, SECRET, World, begin, binding_path, config, simulator};
