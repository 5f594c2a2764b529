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
