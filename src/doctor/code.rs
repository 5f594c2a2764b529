//! The checks, each with a stable code, what it looks at, and what to do when it fails. `docs/doctor.md` has
//! them all, and is written from here.

use serde::Serialize;

macro_rules! codes {
    ($($code:ident = $text:literal, $of:ident, needs [$($need:ident),*], $checks:literal, $fix:literal;)+) => {
        /// What is looked at. The text never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum Code { $(#[serde(rename = $text)] $code,)+ }

        impl Code {
            /// In the order in which they are told.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $text),+ }
            }

            pub(super) const fn of(self) -> Of {
                match self { $(Self::$code => Of::$of),+ }
            }

            /// What has to be fine for it to be looked at.
            pub(super) const fn needs(self) -> &'static [Self] {
                match self { $(Self::$code => &[$(Self::$need),*]),+ }
            }

            pub const fn checks(self) -> &'static str {
                match self { $(Self::$code => $checks),+ }
            }

            pub const fn fix(self) -> &'static str {
                match self { $(Self::$code => $fix),+ }
            }
        }
    };
}

/// Of what there is one such check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Service,
    EachApp,
}

codes! {
    Settings = "settings", Service, needs [],
        "The settings can be read, keys and secrets among them.",
        "Change what each problem names; `bindery config show` prints where every setting comes from.";
    Database = "database", Service, needs [Settings],
        "The database answers.",
        "Set `DATABASE_URL` to the service's database, and see that it runs and lets this machine in. `bindery serve` makes a SQLite file at its first start.";
    Migrations = "migrations", Service, needs [Database],
        "The tables are those of this version.",
        "Run `bindery migrate`, or start `bindery serve`, with this version.";
    DatabaseWritable = "database_writable", Service, needs [Migrations],
        "Rows can be written.",
        "Give the user of the service the right to write: to the file and its folder, or in PostgreSQL; a standby or a read-only database takes no deliveries.";
    Disk = "disk", Service, needs [Settings],
        "At least 256 MiB are free where the SQLite file is: ten of the largest deliveries.",
        "Make room, or move the database; `BINDERY_KEEP_BODIES` and `BINDERY_CONTENT_GRACE` say what is kept.";
    App = "app", Service, needs [Settings],
        "A GitHub App is configured, and no setting of one is missing.",
        "Run `bindery setup`, or set `GITHUB_APP_ID`, `GITHUB_APP_PRIVATE_KEY_FILE` and `GITHUB_WEBHOOK_SECRET_FILE`.";
    GitHub = "github", EachApp, needs [App],
        "GitHub's API answers.",
        "Check `GITHUB_API_URL` (`https://HOST/api/v3` for an Enterprise Server), this machine's DNS, proxy and certificates, and GitHub's status page.";
    Clock = "clock", EachApp, needs [GitHub],
        "This machine's clock is within a minute of GitHub's.",
        "Have the clock kept right: `timedatectl set-ntp true`.";
    AppKey = "app_key", EachApp, needs [GitHub],
        "GitHub takes the App's private key.",
        "Check that `GITHUB_APP_ID` is the App's and make a new private key on its page, under General; the one before can stay as `GITHUB_APP_PRIVATE_KEY_PREVIOUS`.";
    AppPermissions = "app_permissions", EachApp, needs [AppKey],
        "The App asks for `contents: read` and `metadata: read`.",
        "Set them on the App's page, under Permissions & events; each account that has installed it must accept them.";
    AppEvents = "app_events", EachApp, needs [AppKey],
        "The App subscribes to Create, Delete, Installation target, Push and Repository.",
        "Tick them on the App's page, under Permissions & events.";
    WebhookUrl = "webhook_url", EachApp, needs [AppKey],
        "The App's webhook has a URL that ends in `/webhooks/github`.",
        "Set it on the App's page, under General, and tick Active: `https://YOUR-HOST/webhooks/github`.";
    WebhookContentType = "webhook_content_type", EachApp, needs [AppKey, WebhookUrl],
        "The webhook's content type is `application/json`.",
        "Choose `application/json` on the App's page. Forms are taken unless `BINDERY_WEBHOOK_FORMS` is off, and make large payloads larger than is taken.";
    WebhookTls = "webhook_tls", EachApp, needs [AppKey, WebhookUrl],
        "GitHub looks at the receiver's certificate.",
        "Enable SSL verification on the App's page, and give the receiver a certificate that GitHub trusts: whoever stands between reads what is private.";
    WebhookSecret = "webhook_secret", EachApp, needs [AppKey, WebhookUrl, DatabaseWritable],
        "What GitHub sends arrives, is signed with our secret, and is stored: the newest delivery is sent again.",
        "Start `bindery serve`; see that the webhook's URL leads to it from the internet, and that the secret on the App's page is the one of `GITHUB_WEBHOOK_SECRET`.";
    Installations = "installations", EachApp, needs [AppKey],
        "The App is installed somewhere, with the permissions that are needed.",
        "Install it from its page, under Install App; an owner accepts permissions on the page of the installation.";
    RateLimit = "rate_limit", EachApp, needs [Installations],
        "Each installation has more than a twentieth of this hour's requests left.",
        "Wait until the hour is over. If it happens often, lengthen `BINDERY_POLL_INTERVAL`, or see what else uses the App.";
    BindingsCovered = "bindings_covered", Service, needs [Migrations],
        "Every binding can be read: an installation covers it, and its organisation is granted that.",
        "`bindery explain --binding PLACE` says of each what stands in the way, and what to do.";
    Workers = "workers", Service, needs [Migrations, App],
        "A worker has given a sign of life: what is due on an interval is asked for, and leases are kept up.",
        "Start `bindery serve` with the worker's role (`BINDERY_WORKER`), and read its log.";
    JobsDue = "jobs_due", Service, needs [Migrations],
        "No job has been due for more than ten minutes.",
        "See what the workers are busy with (`GET /jobs?state=running`); give them more room with `BINDERY_WORKERS` and `BINDERY_WORKERS_PER_INSTALLATION`.";
    DeliveriesDue = "deliveries_due", Service, needs [Migrations],
        "No delivery has waited for more than two minutes to be processed.",
        "Start a process with the worker's role; `GET /deliveries?state=received` lists what waits, and why.";
    Sweep = "sweep", EachApp, needs [Migrations],
        "GitHub's list of deliveries was compared with the ledger within two intervals, without an error.",
        "Read the error; `GET /healing` shows all of them. `BINDERY_SWEEP_INTERVAL` switches it on.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committed_table;

    fn rows() -> String {
        let row = |code: &Code| format!("| `{code}` | {} | {} |", code.checks(), code.fix());
        let rows: Vec<String> = Code::ALL.iter().map(row).collect();
        rows.join("\n")
    }

    #[test]
    fn the_committed_table_is_up_to_date() {
        committed_table::check("docs/doctor.md", &rows());
    }

    #[test]
    fn what_is_needed_comes_before() {
        for code in Code::ALL {
            assert!(code.needs().iter().all(|need| need < code), "{code}");
        }
    }
}
