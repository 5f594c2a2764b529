//! The reasons, each with a stable code, what it means and what to do about it. `docs/explain.md` has
//! them all, and is written from here.

use std::cmp::Reverse;

use serde::Serialize;
use utoipa::ToSchema;

/// What a reason says of a push, the gravest first: of several bindings the gravest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It concerns a binding, and will not arrive unless somebody acts.
    Failed,
    /// It is on its way.
    Waiting,
    Arrived,
    /// It concerns nothing that was considered.
    PassedOver,
    /// No delivery tells of it, and something is in the way of finding it.
    Hindered,
    /// No delivery tells of it.
    Untold,
}

macro_rules! codes {
    ($($code:ident = $text:literal, $weight:ident, $means:literal, $to_do:literal;)+) => {
        /// Why a push did not arrive, or that it did. The text never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
        #[schema(as = ExplanationCode)]
        pub enum Code { $(#[serde(rename = $text)] $code,)+ }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $text),+ }
            }

            pub const fn weight(self) -> Weight {
                match self { $(Self::$code => Weight::$weight),+ }
            }

            pub const fn means(self) -> &'static str {
                match self { $(Self::$code => $means),+ }
            }

            pub const fn to_do(self) -> &'static str {
                match self { $(Self::$code => $to_do),+ }
            }
        }
    };
}

codes! {
    Published = "published", Arrived,
        "It arrived: the binding serves this commit.",
        "Nothing.";
    NothingChanged = "nothing_changed", Arrived,
        "It arrived, and what is under the root path was the same before: nothing had to be published.",
        "Nothing. If something should be new, compare the binding's `root_path` with what was pushed.";
    Healed = "healed", Arrived,
        "No delivery brought it: it was found by looking, and the binding serves it.",
        "Nothing for this push. Where many are healed, webhooks do not arrive: look at the App's Recent deliveries, and at `GET /healing`.";
    Overtaken = "overtaken", Arrived,
        "Another commit has taken its place: the ref held another one by the time it was read, or does since.",
        "Nothing, if the ref is meant to hold what is served now.";
    UpToDate = "up_to_date", Arrived,
        "The binding serves what its ref held when it was last read.",
        "Nothing. If you miss a certain push, ask for its commit or its GUID.";
    WaitsToBeProcessed = "waits_to_be_processed", Waiting,
        "The delivery is stored, and has not been looked into yet.",
        "Wait a moment, and ask again.";
    ProcessingRetried = "processing_retried", Waiting,
        "Looking into the delivery failed, and is tried again.",
        "Read the error; what the database is in want of, it gets no better by itself.";
    WaitsForItsTurn = "waits_for_its_turn", Waiting,
        "The sync is due, and waits for a worker.",
        "Wait a moment. If it lasts, give the workers more room (`BINDERY_WORKERS`, `BINDERY_WORKERS_PER_INSTALLATION`).";
    Running = "running", Waiting,
        "The sync is running.",
        "Wait a moment, and ask again.";
    WorkerLost = "worker_lost", Waiting,
        "The worker that had the sync has given no sign of life: another takes it.",
        "Nothing, if it happens once. If not, see why the process dies: its log, or what kills it.";
    NobodyWorks = "nobody_works", Failed,
        "It has been due for minutes, and no worker takes it.",
        "Start a process with the worker's role (`BINDERY_WORKER`), or see what its workers are busy with: `GET /jobs?state=running`.";
    Retried = "retried", Waiting,
        "The sync failed, and is tried again.",
        "Read the error. To have it tried at once, sync the binding.";
    GithubUnavailable = "github_unavailable", Waiting,
        "GitHub cannot be reached, or cannot answer. It is tried again, and no attempt is counted.",
        "Look at GitHub's status page, and whether this machine reaches the API (DNS, proxy, certificates).";
    KeyRefused = "key_refused", Waiting,
        "GitHub refuses the App's private key. It is tried again, and no attempt is counted.",
        "Check `GITHUB_APP_ID`, the private key, and this machine's clock.";
    RateLimited = "rate_limited", Waiting,
        "GitHub's rate limit holds for the installation: its syncs wait until GitHub's own time.",
        "Wait. If it happens often, lengthen `BINDERY_POLL_INTERVAL`, or see what else uses the App.";
    ApiLags = "api_lags", Waiting,
        "GitHub's API still shows the ref as it was before the push; it is asked again for up to five minutes.",
        "Wait.";
    AppNotConfigured = "app_not_configured", Failed,
        "No process here has the settings of the GitHub App that it is for.",
        "Configure the App (`GITHUB_APP_ID`, its key and its secret, or a `[[github]]` table), restart, and replay the delivery.";
    Rejected = "rejected", Failed,
        "It was signed, and is no JSON object: GitHub was answered 400.",
        "Set the webhook's content type to `application/json`, and see what stands between GitHub and here. Then sync the binding.";
    Unprocessable = "unprocessable", Failed,
        "A field that is needed is missing, or has another type than GitHub gives it.",
        "See whether it is GitHub's at all; if it is, report it with the delivery's detail. Sync the binding meanwhile.";
    ProcessingFailed = "processing_failed", Failed,
        "Looking into the delivery failed, time and again.",
        "Read the error and the log, mend the cause, and replay the delivery (`POST /deliveries/{id}/replay`).";
    BodyPruned = "body_pruned", Failed,
        "Its body is no longer kept, so that it cannot be looked into again.",
        "Sync the binding instead. Bodies are kept for `BINDERY_KEEP_BODIES`.";
    Suspended = "suspended", Failed,
        "The App's installation is suspended.",
        "Its owner unsuspends it; what was missed is caught up then.";
    AppUninstalled = "app_uninstalled", Failed,
        "The App is not installed there any more.",
        "Install it again, and have the new installation granted; what was missed is caught up then.";
    PermissionMissing = "permission_missing", Failed,
        "The App's installation lacks a permission that reading needs.",
        "Have its owner accept `contents: read` and `metadata: read`; what was missed is caught up then.";
    AccessLost = "access_lost", Failed,
        "GitHub does not show the repository to the App: it is not selected, belongs to somebody without the App, or does not exist.",
        "Select it for the App, or install the App there; or bind a name that exists.";
    RepositoryGone = "repository_gone", Failed,
        "The repository was deleted. One that was made anew at its name is another.",
        "Delete the binding, and bind anew.";
    Blocked = "blocked", Failed,
        "GitHub blocks the repository: locked, disabled, taken down, or behind a list of allowed addresses.",
        "Read GitHub's words in the error, and settle it there; then sync the binding.";
    NotGranted = "not_granted", Failed,
        "The organisation has no grant for the installation that covers the repository.",
        "A global admin grants it: `PUT /orgs/{org}/installations/{installation_id}`; what was missed is caught up then.";
    RefMissing = "ref_missing", Failed,
        "The repository has no such branch or tag.",
        "Push it, or bind another ref.";
    RootPathMissing = "root_path_missing", Failed,
        "The commit has no folder at the binding's root path.",
        "Push the folder, or change `root_path`.";
    RequiredFileMissing = "required_file_missing", Failed,
        "A file without which nothing is published is missing.",
        "Push the file, or take it out of `required_files`.";
    RequiredFileInvalid = "required_file_invalid", Failed,
        "A file that must be valid TOML is not.",
        "Mend the file, and push it.";
    TooLarge = "too_large", Failed,
        "There are more files or bytes under the root path than may be.",
        "Push less, narrow `root_path`, or raise the limit that the error names.";
    TreeRefused = "tree_refused", Failed,
        "The commit has a path that could escape from where it is published.",
        "Take the path that the error names out of the repository.";
    GaveUp = "gave_up", Failed,
        "The sync failed at every attempt.",
        "Read the error, mend the cause, and sync the binding.";
    BindingChanged = "binding_changed", Failed,
        "The binding is bound to something else by now than when the push was on its way.",
        "Nothing, if the change was meant: the binding syncs what it is bound to now.";
    CalledOff = "called_off", Failed,
        "The sync was called off, and nothing has taken its place.",
        "Sync the binding.";
    ApiStale = "api_stale", Failed,
        "Five minutes after the push GitHub's API still showed the ref as it was before: that was taken.",
        "Nothing: the poll finds what the ref holds. To have it sooner, sync the binding.";
    OutsideRootPath = "outside_root_path", PassedOver,
        "The push changed nothing under the binding's root path.",
        "Nothing. If it should have, compare `root_path` with what was pushed.";
    OtherRef = "other_ref", PassedOver,
        "Bindings of the repository are there, on other refs. A tag is never a branch of its name.",
        "Push to the ref that is bound, or bind this one.";
    OtherRepository = "other_repository", PassedOver,
        "What is bound by this name is another repository, by its id.",
        "Delete the binding, and bind anew, if the new one is meant.";
    BoundLater = "bound_later", PassedOver,
        "When the push was looked into, the binding was not there, or bound to something else.",
        "Replay the delivery, or sync the binding.";
    BindingDeleted = "binding_deleted", PassedOver,
        "The bindings that it concerned are not there any more.",
        "Bind again, if that was not meant.";
    NoBinding = "no_binding", PassedOver,
        "Nothing is bound to the repository.",
        "Bind it. If it should be bound, compare GitHub's numeric id with the binding's `github_repo_id`.";
    RefCannotBeBound = "ref_cannot_be_bound", PassedOver,
        "It is about neither a branch nor a tag.",
        "Nothing: only branches and tags are bound.";
    EventNotUsed = "event_not_used", PassedOver,
        "Nothing is ever done with this event.",
        "Nothing. To spare it, take the event out of the App's subscriptions.";
    ActionNotUsed = "action_not_used", PassedOver,
        "Nothing is done with this action of the event.",
        "Nothing.";
    PingOfAnotherHook = "ping_of_another_hook", PassedOver,
        "It is a ping of another App's webhook, signed with this App's secret.",
        "Give each App a secret of its own.";
    NotAPush = "not_a_push", PassedOver,
        "It tells of no push. What it asks for was done: names, owners and access are read again.",
        "Ask for the push: by its own GUID, or by its commit.";
    NotBound = "not_bound", PassedOver,
        "It did not arrive, was found in GitHub's list, and concerns nothing that was bound then.",
        "If it is bound since, sync the binding; if not, bind it.";
    NotKeptByGithub = "not_kept_by_github", PassedOver,
        "It did not arrive, and GitHub lists it without its body.",
        "Nothing: the poll finds what it told of. Ask for the commit.";
    PayloadTooLarge = "payload_too_large", PassedOver,
        "It did not arrive, and its body is larger than any that GitHub delivers.",
        "Nothing: the poll finds what it told of. Ask for the commit.";
    Ignored = "ignored", PassedOver,
        "Nothing was done with it, for a reason that this version does not know.",
        "Read the delivery's reason and detail.";
    NotSeenYet = "not_seen_yet", Untold,
        "No delivery tells of it, and looking has not found it yet.",
        "Wait until the next look, or sync the binding. If GitHub's Recent deliveries list it with an answer other than 2xx, mend that.";
    HealingFails = "healing_fails", Untold,
        "No delivery tells of it, and the last look for what was missed went wrong.",
        "Read the error; `GET /healing` shows all of them. Sync the binding meanwhile.";
    HealingOff = "healing_off", Untold,
        "No delivery tells of it, and looking for what was missed is switched off.",
        "Sync the binding. Set `BINDERY_POLL_INTERVAL` and `BINDERY_SWEEP_INTERVAL`, so that it heals by itself.";
    DeliveryUnknown = "delivery_unknown", Untold,
        "No delivery of this GUID is in the ledger: it was not sent, was refused at the door, or is older than what is kept.",
        "Look at the App's Recent deliveries: 401 means that the webhook's secret differs, 503 that settings or the database are missing. What was refused is fetched at the next sweep; ask for the commit, too.";
    NoSuchBinding = "no_such_binding", Untold,
        "There is no such binding.",
        "Write the place as the API does: `/orgs/{org}/bindings/{name}`.";
}

impl Code {
    pub(super) fn find(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.as_str() == text)
    }

    /// The gravest first; among those that concern nothing, the one that came nearest.
    pub(super) fn rank(self, weight: Weight) -> (Weight, Reverse<u8>) {
        let nearness = match self {
            Self::OutsideRootPath => 5,
            Self::OtherRef => 4,
            Self::NotGranted => 3,
            Self::OtherRepository => 2,
            Self::BoundLater => 1,
            _ => 0,
        };
        (weight, Reverse(nearness))
    }
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
    use std::collections::BTreeSet;

    fn rows() -> String {
        let row = |code: &Code| format!("| `{code}` | {} | {} |", code.means(), code.to_do());
        let rows: Vec<String> = Code::ALL.iter().map(row).collect();
        rows.join("\n")
    }

    #[test]
    fn the_committed_table_is_up_to_date() {
        committed_table::check("docs/explain.md", &rows());
    }

    #[test]
    fn every_code_is_found_by_its_own_text() {
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::find(code.as_str()), Some(*code));
        }
    }
}
