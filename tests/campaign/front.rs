//! What stands between two parties: a balancer before the receivers, and a wire that can be cut between
//! a process and its database or GitHub.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Open,
    /// Nobody answers; what was open is closed.
    Closed,
    /// Connections stay open, and packets go nowhere.
    Silent,
}

/// Passes connections on to the first of its backends that takes them.
#[derive(Clone)]
pub struct Front {
    pub address: SocketAddr,
    wire: Arc<watch::Sender<Wire>>,
}

struct Backends {
    all: Vec<SocketAddr>,
    turn: AtomicUsize,
}

impl Front {
    pub async fn start(backends: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let wire = Arc::new(watch::Sender::new(Wire::Open));
        let backends = Arc::new(Backends {
            all: backends,
            turn: AtomicUsize::new(0),
        });
        let seen = wire.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&backends), seen.clone()));
            }
        });
        Ok(Self { address, wire })
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn serve(client: TcpStream, backends: Arc<Backends>, mut wire: watch::Receiver<Wire>) {
    if *wire.borrow_and_update() == Wire::Closed {
        return;
    }
    if wire.wait_for(|wire| *wire != Wire::Silent).await.is_err() {
        return;
    }
    let Some(server) = backends.connect().await else {
        return;
    };
    // Small messages that wait for one another: a delay would be the wire's, not the program's.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let forth = pump(from_client, to_server, wire.clone());
    let back = pump(from_server, to_client, wire);
    tokio::join!(forth, back);
}

impl Backends {
    async fn connect(&self) -> Option<TcpStream> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.all.len() {
            let address = self.all[(first + offset) % self.all.len()];
            if let Ok(server) = TcpStream::connect(address).await {
                return Some(server);
            }
        }
        None
    }
}

/// Moves bytes one way until one end closes or the wire is cut. Dropping a half closes only that way.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            cut = wire.wait_for(|wire| *wire == Wire::Closed) => {
                drop(cut);
                return;
            }
        };
        let Ok(length @ 1..) = read else {
            return;
        };
        let passed = wire.wait_for(|wire| *wire != Wire::Silent).await;
        if !passed.is_ok_and(|wire| *wire == Wire::Open) {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
