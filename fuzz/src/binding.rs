//! What an operator asks to be bound.

use bindery::binding::{BindingRequest, BindingSpec};

use super::assert_sayable;

const HOSTS: &[&str] = &["github.com", "ghe.example:8443"];
const FIELDS: [&str; 6] = [
    "github_owner",
    "github_repo",
    "github_host",
    "github_ref",
    "root_path",
    "required_files",
];

pub(super) fn binding(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<BindingRequest>(bytes) else {
        return;
    };
    match request.parse(&[], HOSTS) {
        Ok(spec) => {
            assert_harmless(&spec);
            let again = written(&spec).parse(&[], HOSTS);
            assert_eq!(again.as_ref(), Ok(&spec), "what is stored reads back");
        }
        Err(invalid) => {
            assert!(!invalid.is_empty());
            for field in invalid {
                assert!(FIELDS.contains(&field.field), "{}", field.field);
                assert_sayable(&field.reason, 400);
            }
        }
    }
}

fn written(spec: &BindingSpec) -> BindingRequest {
    BindingRequest {
        github_owner: spec.repository.owner.clone(),
        github_repo: spec.repository.name.clone(),
        github_host: Some(spec.host.clone()),
        github_ref: spec.git_ref.as_ref().map(ToString::to_string),
        root_path: Some(spec.root_path.to_string()),
        required_files: Some(spec.required_files.clone()),
    }
}

/// Owner and name are one segment of a path each, whoever joins them.
fn assert_harmless(spec: &BindingSpec) {
    for part in [&spec.repository.owner, &spec.repository.name] {
        let url = url::Url::parse(&format!("https://api.example/repos/{part}/end"));
        let url = url.expect("a URL");
        assert_eq!(url.path(), format!("/repos/{part}/end"));
        assert!(url.query().is_none() && url.fragment().is_none());
    }
    for path in &spec.required_files {
        assert!(bindery::git::path::check_path(path).is_ok(), "{path:?}");
    }
}
