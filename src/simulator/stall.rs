//! One request that is never answered: the moment in which a client can be killed.

use tokio::sync::watch;

use super::Simulator;
use super::requests::Request;

/// Which request stalls, and whether it has come in.
#[derive(Debug, Default)]
pub(super) struct Stall(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    /// So many requests until the one that stalls, itself included.
    left: Option<u32>,
    stalled: Option<Request>,
    /// How often everything that stalled was let go.
    ended: u32,
}

/// A request that stalls until it is let go.
pub(super) struct Stalled {
    state: watch::Receiver<State>,
    ended: u32,
}

impl Stall {
    /// Counts one request; `Some` if it is the one.
    pub(super) fn strike(&self, request: &mut Request) -> Option<Stalled> {
        let mut struck = None;
        self.0.send_if_modified(|state| {
            state.left = state.left.map(|left| left.saturating_sub(1));
            if state.left != Some(0) {
                return false;
            }
            request.status = 0;
            state.left = None;
            state.stalled = Some(request.clone());
            struck = Some(state.ended);
            true
        });
        let state = self.0.subscribe();
        struck.map(|ended| Stalled { state, ended })
    }
}

impl Stalled {
    pub(super) async fn let_go(mut self) {
        let ended = |state: &State| state.ended != self.ended;
        // An error is the end of this GitHub, and the end of the connection too.
        let _ = self.state.wait_for(ended).await;
    }
}

impl Simulator {
    /// The `n`-th request from now (the next one is the first) is never answered. What it asked for
    /// happens, as it does when an answer gets lost; its connection stays open until
    /// [`Simulator::unstall`] closes it. All other requests are answered.
    pub fn stall_at(&self, n: u32) {
        self.shared.stall.0.send_modify(|state| {
            state.left = Some(n.max(1));
            state.stalled = None;
        });
    }

    /// Waits until the request that stalls has come in, and says which it was.
    pub async fn stalled(&self) -> Request {
        let mut state = self.shared.stall.0.subscribe();
        let seen = state.wait_for(|state| state.stalled.is_some()).await;
        let request = seen.ok().and_then(|state| state.stalled.clone());
        request.expect("the sender lives as long as this GitHub")
    }

    pub fn is_stalled(&self) -> bool {
        self.shared.stall.0.borrow().stalled.is_some()
    }

    /// Closes the connections of what stalled, without an answer; nothing stalls any more.
    pub fn unstall(&self) {
        self.shared.stall.0.send_modify(|state| {
            state.left = None;
            state.stalled = None;
            state.ended += 1;
        });
    }
}
