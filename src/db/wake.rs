//! How a commit wakes the worker that waits for it.

use std::sync::Arc;

use tokio::sync::Notify;

/// What a worker can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A delivery was recorded.
    Inbox,
    /// A job was enqueued or pulled forward.
    Jobs,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Inbox, Self::Jobs];

    /// The channel's name in PostgreSQL's `LISTEN` and `NOTIFY`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "bindery_inbox",
            Self::Jobs => "bindery_jobs",
        }
    }
}

/// The waiting workers of this process. Clones ring the same bells.
#[derive(Debug, Clone, Default)]
pub struct Wakes {
    inbox: Arc<Notify>,
    jobs: Arc<Notify>,
}

impl Wakes {
    fn bell(&self, channel: Channel) -> &Notify {
        match channel {
            Channel::Inbox => &self.inbox,
            Channel::Jobs => &self.jobs,
        }
    }

    /// Wakes the worker of a channel; a ring that nobody waits for is kept for the next wait.
    pub fn ring(&self, channel: Channel) {
        self.bell(channel).notify_one();
    }

    pub fn ring_all(&self) {
        Channel::ALL
            .into_iter()
            .for_each(|channel| self.ring(channel));
    }

    pub async fn wait(&self, channel: Channel) {
        self.bell(channel).notified().await;
    }
}

/// What an open transaction will ring when it commits, and forget when it rolls back.
#[derive(Debug, Default)]
pub(super) struct Pending {
    inbox: bool,
    jobs: bool,
}

impl Pending {
    pub(super) fn add(&mut self, channel: Channel) {
        match channel {
            Channel::Inbox => self.inbox = true,
            Channel::Jobs => self.jobs = true,
        }
    }

    pub(super) fn contains(&self, channel: Channel) -> bool {
        match channel {
            Channel::Inbox => self.inbox,
            Channel::Jobs => self.jobs,
        }
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = Channel> {
        let taken = std::mem::take(self);
        Channel::ALL
            .into_iter()
            .filter(move |channel| taken.contains(*channel))
    }
}
