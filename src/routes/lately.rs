//! What the database said a moment ago. Pages that need no token may be asked for by anybody, as often as
//! they like: the database is asked by one request at a time, and once a second.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::clock::Clock;

/// Short for whoever watches, and long for whoever floods.
const KEPT: TimeDelta = TimeDelta::seconds(1);

/// Clones keep the same.
#[derive(Debug)]
pub(super) struct Lately<T>(Arc<Mutex<Option<Said<T>>>>);

type Said<T> = (DateTime<Utc>, T);

impl<T: Clone> Lately<T> {
    /// What was said within the last second, or else is said now. An error is not kept.
    pub(super) async fn get<E>(
        &self,
        clock: &Clock,
        ask: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut kept = self.0.lock().await;
        let now = clock.now();
        if let Some((at, said)) = &*kept
            && (now - *at).abs() < KEPT
        {
            return Ok(said.clone());
        }
        let said = ask.await?;
        *kept = Some((now, said.clone()));
        Ok(said)
    }
}

impl<T> Clone for Lately<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn i8_a_flood_of_questions_asks_once_a_second_and_one_at_a_time() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let (lately, asked) = (Lately::default(), AtomicU32::new(0));
        let ask = || async {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, ()>(number)
        };
        let flood = || join_all((0..100).map(|_| lately.get(&clock, ask())));
        assert_eq!(flood().await, vec![Ok(0); 100]);
        clock.advance(Duration::from_secs(1));
        assert_eq!(flood().await, vec![Ok(1); 100]);
        assert_eq!(asked.into_inner(), 2);
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let (clock, lately) = (Clock::manual(DateTime::UNIX_EPOCH), Lately::default());
        assert_eq!(lately.get(&clock, async { Err("away") }).await, Err("away"));
        assert_eq!(lately.get(&clock, async { Ok::<_, &str>(7) }).await, Ok(7));
    }
}
