//! What a sync that was given up failed of. What GitHub's things say counts more than the words of an
//! error, since it may have changed after it.

use super::answer::Finding;
use super::code::Code;
use super::subject::Subject;
use crate::binding::Access;
use crate::installation::Installation;

/// By how a sync's error begins: a contributor's words may follow. Rows of every version have these words,
/// and no other mark.
const BEGINS: [(&str, Code); 6] = [
    ("there is no /", Code::RootPathMissing),
    ("the root path ", Code::RootPathMissing),
    ("the required file ", Code::RequiredFileMissing),
    ("the tree is refused", Code::TreeRefused),
    ("too_large:", Code::TooLarge),
    ("a single folder has more entries", Code::TooLarge),
];

/// By what it says after what was being done.
const SAYS: [(&str, Code); 5] = [
    ("is larger than", Code::TooLarge),
    ("GitHub blocks access", Code::Blocked),
    ("lacks a permission", Code::PermissionMissing),
    ("is not installed there any more", Code::AppUninstalled),
    ("push it, or bind another ref", Code::RefMissing),
];

/// Why the binding is not as its ref would have it; what can be read well, and has not failed, is no
/// failure.
pub(super) fn finding(subject: &Subject) -> Option<Finding> {
    let error = subject.error();
    let by_access = match subject.access {
        Access::Gone => Some(Code::RepositoryGone),
        Access::AccessLost => Some(lost(subject, error)),
        Access::Suspended => Some(Code::Suspended),
        Access::NotGranted => Some(Code::NotGranted),
        Access::RefMissing => Some(Code::RefMissing),
        Access::Reachable | Access::Unknown => None,
    };
    let code = by_access.or_else(|| error.map(said))?;
    let finding = Finding::new(code);
    Some(match error {
        Some(error) => finding.with(format_args!("The sync says: {error}.")),
        None => finding,
    })
}

fn lost(subject: &Subject, error: Option<&str>) -> Code {
    let installation = subject.installation();
    let missing = installation.and_then(Installation::missing_permission);
    if installation.is_some_and(|found| found.deleted_at.is_some()) {
        Code::AppUninstalled
    } else if missing.is_some() {
        Code::PermissionMissing
    } else if subject.view.repository.is_some() {
        // What a sync said of the installation before may not be so any more.
        Code::AccessLost
    } else {
        match error.map(said) {
            Some(code @ (Code::PermissionMissing | Code::AppUninstalled | Code::Blocked)) => code,
            _ => Code::AccessLost,
        }
    }
}

fn said(error: &str) -> Code {
    let begun = BEGINS.iter().find(|(words, _)| error.starts_with(words));
    let found = begun.or_else(|| SAYS.iter().find(|(words, _)| error.contains(words)));
    match found.map(|(_, code)| *code) {
        Some(Code::RequiredFileMissing) if error.contains(" is not valid TOML") => {
            Code::RequiredFileInvalid
        }
        Some(code) => code,
        None => Code::GaveUp,
    }
}
