//! What somebody typed into the one box: a GUID, a sha, a repository, a binding's place or a job's number.

use crate::explain::{BindingPlace, Sought};
use crate::git::Oid;
use crate::ids::JobId;

/// What it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Searched {
    Delivery(String),
    /// Of whichever repository knows it.
    Commit(Oid),
    CommitOf(Sought, Oid),
    Binding(BindingPlace),
    /// `owner/name`; the same text may be a binding's short place.
    Name(Sought, Option<BindingPlace>),
    /// A job's number; or GitHub's of a repository.
    Number(JobId),
}

/// Longer than anything that can be meant.
const MOST: usize = 512;

/// `None`: it is nothing of the kind.
pub(super) fn read(text: &str) -> Option<Searched> {
    let text = text.trim();
    if text.is_empty() || text.len() > MOST || text.chars().any(char::is_control) {
        return None;
    }
    let text = text.strip_prefix("job ").unwrap_or(text);
    if let Ok(id) = text.parse::<i64>() {
        return Some(Searched::Number(JobId::new(id)));
    }
    if let Ok(oid) = text.to_ascii_lowercase().parse::<Oid>() {
        return Some(Searched::Commit(oid));
    }
    if is_guid(text) {
        return Some(Searched::Delivery(text.to_owned()));
    }
    if let Some(found) = commit_of(text) {
        return Some(found);
    }
    match (text.parse::<Sought>(), text.parse().ok()) {
        (Ok(sought), place) => Some(Searched::Name(sought, place)),
        (Err(_), Some(place)) => Some(Searched::Binding(place)),
        (Err(_), None) => None,
    }
}

/// As GitHub writes them: 8-4-4-4-12 hex digits.
fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `owner/name@sha` or `owner/name sha`.
fn commit_of(text: &str) -> Option<Searched> {
    let (repository, sha) = text.rsplit_once(['@', ' '])?;
    let oid = sha.to_ascii_lowercase().parse().ok()?;
    Some(Searched::CommitOf(repository.trim().parse().ok()?, oid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_box_takes_what_people_have_at_hand() {
        let oid: Oid = SHA.parse().expect("a sha");
        let octo: Sought = "octo/Templates".parse().expect("a name");
        let guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
        for (text, expected) in [
            (guid.to_owned(), Searched::Delivery(guid.to_owned())),
            (format!(" {guid} "), Searched::Delivery(guid.to_owned())),
            (SHA.to_ascii_uppercase(), Searched::Commit(oid)),
            (
                format!("octo/Templates@{SHA}"),
                Searched::CommitOf(octo.clone(), oid),
            ),
            (
                format!("octo/Templates {SHA}"),
                Searched::CommitOf(octo.clone(), oid),
            ),
            ("octo/Templates".to_owned(), Searched::Name(octo, None)),
            ("job 12".to_owned(), Searched::Number(JobId::new(12))),
        ] {
            assert_eq!(read(&text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_place_may_be_written_in_full_or_in_short() {
        let place = |text: &str| text.parse::<BindingPlace>().expect(text);
        let full = "/orgs/acme/projects/docs/bindings/site";
        assert_eq!(read(full), Some(Searched::Binding(place(full))));
        assert_eq!(read("acme/docs/site"), Some(Searched::Binding(place(full))));
        let short = Some(place("/orgs/acme/bindings/site"));
        assert!(matches!(read("acme/site"), Some(Searched::Name(_, found)) if found == short));
    }

    #[test]
    fn anything_else_is_nothing() {
        for bad in ["", "  ", "what", "a\u{0}b/c", "<script>", &"x/".repeat(400)] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
