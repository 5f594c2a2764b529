use diesel::QueryResult;

use super::{Processing, Verdict};
use crate::db::Conn;
use crate::github::event::Ping;
use crate::github_app;

pub(super) async fn process(
    ping: &Ping,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let hook = processing
        .delivery
        .headers
        .0
        .get(crate::routes::webhook::HOOK_ID)
        .map(String::as_str);
    if !is_ours(ping, processing.app.app_id, hook) {
        tracing::warn!("a ping of another App's webhook, signed with this App's secret");
        return Ok(Verdict::ignored("ping_of_another_hook"));
    }
    github_app::record_ping(processing.app.row, processing.now, conn).await?;
    Ok(Verdict::processed())
}

/// Whether the ping's body and its headers speak of one webhook, and of this App.
pub(crate) fn is_ours(
    ping: &Ping,
    app: crate::github::ids::AppId,
    hook_header: Option<&str>,
) -> bool {
    let same_app = ping.app_id.is_none_or(|id| id == app);
    let same_hook = match (ping.hook_id, hook_header) {
        (Some(body), Some(header)) => header == body.to_string(),
        _ => true,
    };
    same_app && same_hook
}
