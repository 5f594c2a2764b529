//! PostgreSQL's `LISTEN`: what another process commits wakes the workers of this one.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::postgres::PostgresConnector;
use super::wake::{Channel, Wakes};

/// Between two attempts to listen again; meanwhile the workers' own polls are the net.
const RECONNECT: Duration = Duration::from_secs(1);

pub(super) async fn run(connector: &PostgresConnector, wakes: &Wakes, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let listening = async {
            let mut connection = connector.connect().await?;
            listen(&mut connection, wakes).await?;
            anyhow::Ok(())
        };
        let ended = stop.run_until_cancelled(listening).await;
        if let Some(Err(error)) = ended {
            tracing::warn!(%error, "not listening to the database's notifications; polling until it works again");
        }
        stop.run_until_cancelled(tokio::time::sleep(RECONNECT))
            .await;
    }
}

/// Ends when the connection does.
async fn listen(connection: &mut AsyncPgConnection, wakes: &Wakes) -> QueryResult<()> {
    for channel in Channel::ALL {
        connection
            .batch_execute(&format!("LISTEN {}", channel.name()))
            .await?;
    }
    // What was notified before this connection listened is found by looking once.
    wakes.ring_all();
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    while let Some(notification) = notifications.next().await {
        let notification = notification?;
        let channel = Channel::ALL
            .into_iter()
            .find(|channel| channel.name() == notification.channel);
        if let Some(channel) = channel {
            wakes.ring(channel);
        }
    }
    Ok(())
}
