use percent_encoding::percent_decode_str;

use crate::github::RepositoryName;
use crate::simulator::requests::Route;

/// Where archives are, as an Enterprise Server has it: beside the API and not in it.
pub(super) const CODELOAD: &str = "/_codeload/";

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) route: Route,
    pub(super) repository: Option<Address>,
    /// The ref, sha, id or login at the end, decoded.
    pub(super) what: String,
    /// The path after the repository as it was sent: what a redirect keeps.
    pub(super) tail: String,
}

/// The two ways to name a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Name(RepositoryName),
    Id(i64),
}

/// Reads a method and a raw path, which begins with `prefix` (the `/api/v3` of an Enterprise Server).
pub(super) fn parse(method: &str, prefix: &str, path: &str) -> Call {
    if let Some(archive) = path.strip_prefix(CODELOAD).filter(|_| method == "GET") {
        return Call {
            route: Route::Codeload,
            what: archive.to_owned(),
            ..Call::unknown()
        };
    }
    if let Some(organization) = registers(path) {
        return Call {
            route: Route::RegisterApp,
            what: organization.to_owned(),
            ..Call::unknown()
        };
    }
    let Some(path) = path.strip_prefix(prefix) else {
        return Call::unknown();
    };
    let raw: Vec<&str> = path.split('/').skip(1).collect();
    let decoded: Vec<String> = raw
        .iter()
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let (repository, skipped) = match segments[..] {
        ["repos", owner, name, ..] => (Some(Address::Name(RepositoryName::new(owner, name))), 3),
        ["repositories", id, ..] => (id.parse().ok().map(Address::Id), 2),
        _ => (None, 0),
    };
    let rest = &segments[skipped..];
    let (route, what) = match repository {
        Some(_) => in_repository(method, rest),
        None => elsewhere(method, rest),
    };
    let tail = raw[skipped..].iter().flat_map(|raw| ["/", raw]).collect();
    Call {
        route,
        repository,
        what,
        tail,
    }
}

/// The organisation whose page to register an App it is; empty for a user's own. Pages are no part of the API.
fn registers(path: &str) -> Option<&str> {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "settings", "apps", "new"] => Some(""),
        ["", "organizations", organization, "settings", "apps", "new"] => Some(organization),
        _ => None,
    }
}

impl Call {
    fn unknown() -> Self {
        Self {
            route: Route::Unknown,
            repository: None,
            what: String::new(),
            tail: String::new(),
        }
    }
}

fn in_repository(method: &str, rest: &[&str]) -> (Route, String) {
    let (route, what) = match rest {
        _ if method != "GET" => (Route::Unknown, &[][..]),
        [] => (Route::Repository, &[][..]),
        ["installation"] => (Route::RepositoryInstallation, &[][..]),
        ["branches", name @ ..] => (Route::Branch, name),
        ["commits", name @ ..] => (Route::Commit, name),
        ["git", "ref", name @ ..] => (Route::Ref, name),
        ["git", "matching-refs", prefix @ ..] => (Route::MatchingRefs, prefix),
        ["git", "commits", sha @ ..] => (Route::GitCommit, sha),
        ["git", "trees", sha @ ..] => (Route::Tree, sha),
        ["git", "blobs", sha @ ..] => (Route::Blob, sha),
        ["git", "tags", sha @ ..] => (Route::Tag, sha),
        ["tarball", name @ ..] => (Route::Archive, name),
        _ => (Route::Unknown, &[][..]),
    };
    (route, what.join("/"))
}

fn elsewhere(method: &str, rest: &[&str]) -> (Route, String) {
    let (route, what) = match (method, rest) {
        ("GET", ["app"]) => (Route::App, ""),
        ("GET", ["app", "installations"]) => (Route::AppInstallations, ""),
        ("GET", ["app", "installations", id]) => (Route::AppInstallation, *id),
        ("POST", ["app", "installations", id, "access_tokens"]) => (Route::AccessToken, *id),
        ("POST", ["app-manifests", code, "conversions"]) => (Route::ManifestConversion, *code),
        ("GET" | "PATCH", ["app", "hook", "config"]) => (Route::HookConfig, ""),
        ("GET", ["app", "hook", "deliveries"]) => (Route::HookDeliveries, ""),
        ("GET", ["app", "hook", "deliveries", id]) => (Route::HookDelivery, *id),
        ("POST", ["app", "hook", "deliveries", id, "attempts"]) => (Route::Redelivery, *id),
        ("GET", ["installation", "repositories"]) => (Route::InstallationRepositories, ""),
        ("GET", ["orgs" | "users", login, "installation"]) => (Route::OwnerInstallation, *login),
        ("GET", ["rate_limit"]) => (Route::RateLimit, ""),
        _ => (Route::Unknown, ""),
    };
    (route, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_may_have_slashes_in_either_spelling() {
        for (prefix, path) in [
            ("", "/repos/octo/templates/commits/heads/a/b"),
            ("", "/repositories/7/commits/heads%2Fa%2Fb"),
            ("/api/v3", "/api/v3/repositories/7/commits/heads/a%2Fb"),
        ] {
            let call = parse("GET", prefix, path);
            assert_eq!(
                (call.route, call.what.as_str()),
                (Route::Commit, "heads/a/b")
            );
        }
    }

    #[test]
    fn what_it_does_not_have_is_unknown() {
        for (method, prefix, path) in [
            ("GET", "", "/repos/octo"),
            ("GET", "", "/api/v3/app"),
            ("GET", "/api/v3", "/app"),
            ("DELETE", "", "/repos/octo/templates"),
            ("GET", "", "/repos/octo/templates/contents/a"),
            ("GET", "", "/app/"),
            ("GET", "", "/repositories/x/commits/main"),
        ] {
            assert_eq!(
                parse(method, prefix, path).route,
                Route::Unknown,
                "{method} {path}"
            );
        }
    }
}
