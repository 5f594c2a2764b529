//! Being told to stop.

use tokio::sync::mpsc;

/// SIGTERM and SIGINT, each time that one comes.
#[derive(Debug)]
pub(super) struct Signals(mpsc::UnboundedReceiver<()>);

impl Signals {
    /// From now on these signals no longer end the process by themselves.
    pub(super) fn listen() -> std::io::Result<Self> {
        let (told, signals) = mpsc::unbounded_channel();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
                let (mut signal, told) = (signal(kind)?, told.clone());
                tokio::spawn(async move {
                    while signal.recv().await.is_some() && told.send(()).is_ok() {}
                });
            }
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && told.send(()).is_ok() {}
        });
        Ok(Self(signals))
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
