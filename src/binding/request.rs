use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;

use super::root_path::RootPath;
use crate::git::GitRef;
use crate::git::path::check_path;
use crate::github::RepositoryName;

/// What an operator asks for, as it is sent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingRequest {
    /// The login of a user or an organisation of GitHub's.
    #[schema(min_length = 1, max_length = 39, example = "octo")]
    pub github_owner: String,
    #[schema(min_length = 1, max_length = 100, example = "templates")]
    pub github_repo: String,
    /// The GitHub that it is on, one of those with a configured App; absent or null: the first App's.
    #[serde(default)]
    #[schema(max_length = 255, example = "github.com")]
    pub github_host: Option<String>,
    /// A branch by its bare name, or exactly `refs/heads/x` or `refs/tags/x`; absent or null: the
    /// default branch, followed when it changes.
    #[serde(default)]
    #[schema(max_length = 255, example = "main")]
    pub github_ref: Option<String>,
    /// The folder to take; `/` is the whole repository.
    #[serde(default)]
    #[schema(max_length = 1024, example = "/themes/default")]
    pub root_path: Option<String>,
    /// Paths below the root path without which a tree is not published.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub required_files: Option<Vec<String>>,
}

/// The same, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingSpec {
    pub host: String,
    pub repository: RepositoryName,
    /// `None`: the default branch.
    pub git_ref: Option<GitRef>,
    pub root_path: RootPath,
    pub required_files: Vec<String>,
}

/// A field that has to be changed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    pub field: &'static str,
    pub reason: String,
}

/// Every theme or template that we have seen names a handful.
const MAX_REQUIRED_FILES: usize = 100;

impl BindingRequest {
    /// All that is wrong with it at once, or what it means. `always_required` is what the place itself
    /// asks for; `hosts` are those that can be bound to, the one that is meant when none is named first.
    pub fn parse(
        &self,
        always_required: &[&str],
        hosts: &[&str],
    ) -> Result<BindingSpec, Vec<InvalidField>> {
        let mut invalid = Vec::new();
        let mut check = |field, result: Result<(), String>| {
            if let Err(reason) = result {
                invalid.push(InvalidField { field, reason });
            }
        };
        check("github_owner", check_owner(&self.github_owner));
        check("github_repo", check_repo(&self.github_repo));
        let host = self.host(hosts);
        check("github_host", host.as_ref().map(drop).map_err(Clone::clone));
        let git_ref = self
            .github_ref
            .as_deref()
            .map(str::parse::<GitRef>)
            .transpose();
        check(
            "github_ref",
            git_ref.as_ref().map(drop).map_err(ToString::to_string),
        );
        let root_path = self.root_path.as_deref().unwrap_or("/").parse::<RootPath>();
        check(
            "root_path",
            root_path.as_ref().map(drop).map_err(ToString::to_string),
        );
        let required = self.required_files.as_deref().unwrap_or_default();
        check("required_files", check_required(required));
        match (host, git_ref, root_path) {
            (Ok(host), Ok(git_ref), Ok(root_path)) if invalid.is_empty() => Ok(BindingSpec {
                host,
                repository: RepositoryName::new(
                    self.github_owner.as_str(),
                    self.github_repo.as_str(),
                ),
                git_ref,
                root_path,
                required_files: distinct(always_required, required),
            }),
            _ => Err(invalid),
        }
    }

    fn host(&self, hosts: &[&str]) -> Result<String, String> {
        let named = self.github_host.as_deref();
        let found = hosts
            .iter()
            .find(|host| named.is_none_or(|named| host.eq_ignore_ascii_case(named)));
        found.map(|host| (*host).to_owned()).ok_or_else(|| {
            format!(
                "no GitHub App is configured there: give one of {}, or have an App of that host configured (GITHUB_API_URL, or `api_url` in a [[github]] table)",
                hosts.join(", ")
            )
        })
    }
}

fn distinct(always: &[&str], required: &[String]) -> Vec<String> {
    let all = always
        .iter()
        .map(|path| (*path).to_owned())
        .chain(required.iter().cloned());
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// GitHub's grammar for logins, and the underscore of enterprise-managed users.
fn check_owner(owner: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if owner.is_empty() || owner.len() > 39 {
        return Err("an owner has 1 to 39 characters".to_owned());
    }
    if !owner.bytes().all(allowed) || owner.starts_with(['-', '_']) || owner.contains("--") {
        return Err("an owner has letters, digits and single hyphens (and `_` before an enterprise's short code)".to_owned());
    }
    Ok(())
}

fn check_repo(repo: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if repo.is_empty() || repo.len() > 100 {
        return Err("a repository's name has 1 to 100 characters".to_owned());
    }
    if !repo.bytes().all(allowed) || matches!(repo, "." | "..") {
        return Err("a repository's name has letters, digits, `.`, `_` and `-`".to_owned());
    }
    if repo.len() > 4 && repo[repo.len() - 4..].eq_ignore_ascii_case(".git")
        || repo.eq_ignore_ascii_case(".git")
    {
        return Err("write the repository's name without `.git`".to_owned());
    }
    Ok(())
}

fn check_required(paths: &[String]) -> Result<(), String> {
    if paths.len() > MAX_REQUIRED_FILES {
        return Err(format!(
            "at most {MAX_REQUIRED_FILES} files can be required"
        ));
    }
    for path in paths {
        if path.len() > 1024 || path.chars().any(char::is_control) {
            return Err("a path has at most 1024 bytes and no control characters".to_owned());
        }
        check_path(path)
            .map_err(|error| format!("{error} is not allowed in a required file's path"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &[&str] = &["github.com", "ghe.example:8443"];

    fn request(owner: &str, repo: &str) -> BindingRequest {
        BindingRequest {
            github_owner: owner.into(),
            github_repo: repo.into(),
            github_host: None,
            github_ref: None,
            root_path: None,
            required_files: None,
        }
    }

    fn fields(request: &BindingRequest) -> Vec<&'static str> {
        let invalid = request.parse(&[], HOSTS).expect_err("an invalid request");
        invalid.into_iter().map(|invalid| invalid.field).collect()
    }

    #[test]
    fn takes_what_github_takes() {
        for (owner, repo) in [
            ("a", "b"),
            ("octo-org", "x.y_z-1"),
            ("ann_corp", ".github"),
            ("A1", "git"),
        ] {
            assert!(
                request(owner, repo).parse(&[], HOSTS).is_ok(),
                "{owner}/{repo}"
            );
        }
    }

    #[test]
    fn a12_refuses_names_that_github_has_not() {
        let long = "x".repeat(300);
        for owner in [
            "", "-a", "a/../b", "a?b", "a#b", "a%2Fb", "ünï", "a--b", "_a", &long,
        ] {
            assert_eq!(fields(&request(owner, "b")), ["github_owner"], "{owner}");
        }
        for repo in [
            "", ".", "..", "a/b", "a?b", "a.git", "a.GIT", ".git", "a b", "ü", &long,
        ] {
            assert_eq!(fields(&request("a", repo)), ["github_repo"], "{repo}");
        }
    }

    #[test]
    fn says_all_that_is_wrong_at_once() {
        let mut request = request("", "..");
        request.github_ref = Some("a..b".into());
        request.root_path = Some("../x".into());
        request.required_files = Some(vec!["../y".into()]);
        assert_eq!(
            fields(&request),
            [
                "github_owner",
                "github_repo",
                "github_ref",
                "root_path",
                "required_files"
            ]
        );
    }

    #[test]
    fn the_places_own_files_are_required_too() {
        let mut request = request("a", "b");
        request.required_files = Some(vec!["x.html".into(), "template.toml".into()]);
        let spec = request
            .parse(&["template.toml"], HOSTS)
            .expect("a valid request");
        assert_eq!(spec.required_files, ["template.toml", "x.html"]);
    }

    #[test]
    fn a_host_is_one_with_an_app() {
        let host = |named: Option<&str>| {
            let mut request = request("a", "b");
            request.github_host = named.map(Into::into);
            request.parse(&[], HOSTS).map(|spec| spec.host)
        };
        assert_eq!(host(None).as_deref(), Ok("github.com"));
        assert_eq!(host(Some("GitHub.com")).as_deref(), Ok("github.com"));
        assert_eq!(
            host(Some("ghe.example:8443")).as_deref(),
            Ok("ghe.example:8443")
        );
        for other in [
            "",
            "ghe.example",
            "evil.example",
            "https://github.com",
            "github.com/",
        ] {
            let invalid = host(Some(other)).expect_err(other);
            assert_eq!(invalid[0].field, "github_host");
            assert!(invalid[0].reason.contains("GITHUB_API_URL"), "{other}");
        }
    }
}
