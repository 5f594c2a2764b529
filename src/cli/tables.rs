//! Whether a database has the tables that this program knows.

use crate::db::{Conn, migrations};

/// # Errors
///
/// When it is no database of Bindery's, or one of another version.
pub(super) async fn check(conn: &mut Conn) -> anyhow::Result<()> {
    let pending = migrations::pending(conn).await?;
    let pending = pending.ok_or_else(|| anyhow::anyhow!("this is no database of Bindery's"))?;
    anyhow::ensure!(
        pending.is_empty(),
        "the database is of another version of Bindery: ask with that one, or run `bindery migrate`"
    );
    Ok(())
}
