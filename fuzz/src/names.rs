//! Refs, root paths and the paths of a tree.

use std::path::{Component, Path};

use bindery::binding::RootPath;
use bindery::git::GitRef;
use bindery::git::path::{check_name, check_path};

use super::assert_sayable;

pub(super) fn git_ref(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(git_ref) = GitRef::from_full(&text) {
        assert_eq!(git_ref.full(), text, "a full ref is taken as it is");
    }
    match text.parse::<GitRef>() {
        Ok(git_ref) => {
            assert_eq!(git_ref.to_string().parse().as_ref(), Ok(&git_ref));
            assert_eq!(GitRef::from_full(&git_ref.full()).as_ref(), Some(&git_ref));
            assert_harmless_ref(&git_ref);
        }
        Err(error) => assert_sayable(&error.to_string(), 200),
    }
}

/// It is an argument of nobody's, no range, and stays below its namespace.
fn assert_harmless_ref(git_ref: &GitRef) {
    let name = git_ref.name();
    assert!(name.len() <= 255 && !name.starts_with(['-', '/', '.']));
    assert!(!name.contains("..") && !name.contains("@{") && !name.contains("//"));
    assert!(!name.contains([' ', '~', '^', ':', '?', '*', '[', '\\', '\0']));
    assert!(!name.bytes().any(|byte| byte.is_ascii_control()));
}

pub(super) fn root_path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<RootPath>() {
        Ok(root) => {
            assert_eq!(
                root.as_str().parse().as_ref(),
                Ok(&root),
                "normal once and for ever"
            );
            assert!(root.as_str().starts_with('/') && root.as_str().len() <= 1024);
            assert_eq!(
                root.as_str(),
                format!("/{}", root.segments().collect::<Vec<_>>().join("/"))
            );
            assert_inside(&root.as_str()[1..]);
            assert!(root.contains(&root.as_str()[1..]));
        }
        Err(error) => assert_sayable(&error.to_string(), 200),
    }
}

pub(super) fn tree_path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match check_path(&text) {
        Ok(()) => {
            assert_inside(&text);
            assert!(text.split('/').all(|name| check_name(name).is_ok()));
        }
        Err(error) => assert_sayable(&error.to_string(), 200),
    }
}

/// Below a folder, it leads nowhere else, and to no `.git`.
fn assert_inside(path: &str) {
    if path.is_empty() {
        return;
    }
    for component in Path::new(path).components() {
        let Component::Normal(name) = component else {
            panic!("{path:?} leads elsewhere");
        };
        let name = name.to_str().expect("text");
        assert!(!name.eq_ignore_ascii_case(".git"), "{path:?}");
        assert!(!name.contains(['\\', '\0']), "{path:?}");
    }
}
