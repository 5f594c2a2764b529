use std::time::Duration;

use bytesize::ByteSize;

use super::setting::settings;

settings! {
    /// What one binding may hold, and how it is fetched.
    pub struct SyncConfig in "sync" {
        /// Files and folders under a binding's root path.
        max_files: u32 = value "20000", "BINDERY_SYNC_MAX_FILES", from "1" to "1000000";
        /// Their bytes together.
        max_total: ByteSize = value "1GiB", "BINDERY_SYNC_MAX_TOTAL", from "1KiB" to "1TiB";
        /// Bytes of one file. GitHub's API gives none above 100 MB.
        max_file: ByteSize = value "50MiB", "BINDERY_SYNC_MAX_FILE", from "1KiB" to "100MiB";
        /// Files that one sync downloads at once.
        concurrent_downloads: u32 = value "6", "BINDERY_SYNC_DOWNLOADS", from "1" to "32";
        /// How long content that nothing refers to any more is kept before it is collected: longer
        /// than a sync takes that GitHub's rate limit holds up in the middle.
        grace: Duration = value "3h", "BINDERY_CONTENT_GRACE", from "10m" to "365d";
    }
}
