//! Stories, and what they begin with when that is not the usual world.

use super::{Engine, World};

/// For stories that set something before their world begins, or that need several.
#[derive(Clone, Copy)]
pub struct Either(pub Engine);

impl Either {
    #[expect(clippy::unused_async, reason = "stories begin asynchronously")]
    pub async fn on(engine: Engine) -> Self {
        Self(engine)
    }

    pub async fn with(self, settings: &[(&str, &str)]) -> World {
        World::with(self.0, settings).await
    }
}

/// The same story on both databases: each becomes a module with a test for either.
macro_rules! stories {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: $type:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a story uses what it needs of its file's imports")]
            use super::*;

            async fn story($world: $type) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let world = <$type>::on($crate::support::Engine::Sqlite).await;
                story(world).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let world = <$type>::on($crate::support::Engine::Postgres).await;
                story(world).await;
            }
        }
    )+};
}

pub(crate) use stories;
