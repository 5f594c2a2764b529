use diesel::QueryResult;

use super::{Processing, Verdict};
use crate::db::Conn;
use crate::github::event::Ping;
use crate::github::header;
use crate::github_app;

pub(super) async fn process(
    ping: &Ping,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let headers = &processing.delivery.headers.0;
    let hook = headers.get(header::HOOK_ID).map(String::as_str);
    if !ping.is_for(processing.app.app_id, hook) {
        tracing::warn!("a ping of another App's webhook, signed with this App's secret");
        return Ok(Verdict::ignored("ping_of_another_hook"));
    }
    github_app::record_ping(processing.app.row, processing.now, conn).await?;
    Ok(Verdict::processed())
}
