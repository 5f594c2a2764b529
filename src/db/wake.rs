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
    inbox: Ring,
    jobs: Ring,
}

#[derive(Debug, Default, Clone, Copy)]
struct Ring {
    here: bool,
    /// PostgreSQL has been told to ring in the other processes.
    notified: bool,
}

impl Pending {
    fn of(&mut self, channel: Channel) -> &mut Ring {
        match channel {
            Channel::Inbox => &mut self.inbox,
            Channel::Jobs => &mut self.jobs,
        }
    }

    pub(super) fn ring(&mut self, channel: Channel) {
        self.of(channel).here = true;
    }

    pub(super) fn is_notified(&mut self, channel: Channel) -> bool {
        self.of(channel).notified
    }

    pub(super) fn notified(&mut self, channel: Channel) {
        self.of(channel).notified = true;
    }

    /// A part of the transaction was undone, and a notification perhaps with it.
    pub(super) fn renotify(&mut self) {
        for channel in Channel::ALL {
            self.of(channel).notified = false;
        }
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = Channel> {
        let mut taken = std::mem::take(self);
        Channel::ALL
            .into_iter()
            .filter(move |channel| taken.of(*channel).here)
    }
}
