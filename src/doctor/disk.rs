use std::path::Path;

use bytesize::ByteSize;

use super::report::Found;
use crate::config::Config;
use crate::db::DatabaseUrl;

/// Ten deliveries of the largest size (25 MiB), and a little for the log that is written ahead.
const LEAST: ByteSize = ByteSize::mib(256);

pub(super) fn look(config: &Config) -> Found {
    let DatabaseUrl::Sqlite(file) = &config.database.url else {
        return Found::not_made("PostgreSQL's disk is the server's to watch");
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    match rustix::fs::statvfs(folder) {
        Ok(found) => judge(
            ByteSize::b(found.f_bavail.saturating_mul(found.f_frsize)),
            folder,
        ),
        Err(error) => Found::wrong(format!("{} cannot be looked at: {error}", folder.display())),
    }
}

fn judge(free: ByteSize, folder: &Path) -> Found {
    let says = format!("{} free in {}", free.display().iec(), folder.display());
    if free < LEAST {
        Found::wrong(says)
    } else {
        Found::fine(says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_for_ten_deliveries_is_too_full() {
        let folder = Path::new("/data");
        assert_eq!(
            judge(ByteSize::mib(255), folder),
            Found::wrong("255.0 MiB free in /data")
        );
        assert_eq!(
            judge(ByteSize::mib(256), folder),
            Found::fine("256.0 MiB free in /data")
        );
    }
}
