//! Paths out of a repository: which of them could lead out of the place that they are put in.

/// Why a name must not become a file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeName {
    #[error("an empty name")]
    Empty,
    #[error("a name that points elsewhere (`.` or `..`)")]
    Dots,
    #[error("a slash, a backslash or a NUL byte within a name")]
    Separator,
    #[error("a spelling of `.git`")]
    Git,
    #[error("a drive letter or a stream of a file (`:`)")]
    Drive,
}

/// Checks one segment of a path, by the rules of every system that might ever hold it: a name that is
/// harmless here is `.git` on a file system that folds case or drops characters.
pub fn check_name(name: &str) -> Result<(), UnsafeName> {
    if name.is_empty() {
        return Err(UnsafeName::Empty);
    }
    if name.contains(['/', '\\', '\0']) {
        return Err(UnsafeName::Separator);
    }
    let seen = as_seen_by_others(name);
    match seen.as_str() {
        // Only dots and spaces: `..`, `. `, `.. .`
        "" => Err(UnsafeName::Dots),
        ".git" => Err(UnsafeName::Git),
        short if is_short_for_git(short) => Err(UnsafeName::Git),
        _ if has_drive_letter(name) => Err(UnsafeName::Drive),
        _ => Ok(()),
    }
}

/// Checks every segment of a relative path.
pub fn check_path(path: &str) -> Result<(), UnsafeName> {
    path.split('/').try_for_each(check_name)
}

/// Lower case, without the code points that HFS+ ignores, cut where NTFS begins a stream, and without
/// the dots and spaces that Windows drops at the end.
fn as_seen_by_others(name: &str) -> String {
    let kept: String = name.chars().filter(|c| !is_ignored(*c)).collect();
    let file = kept.split(':').next().unwrap_or_default();
    file.trim_end_matches(['.', ' ']).to_lowercase()
}

const fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// NTFS calls `.git` also `git~1`, or with another number when that is taken.
fn is_short_for_git(name: &str) -> bool {
    name.strip_prefix("git~")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn has_drive_letter(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c01_c02_refuses_what_could_escape() {
        let bad = [
            ".git",
            ".GIT",
            ".Git",
            ".git ",
            ".git.",
            ".git . ",
            "git~1",
            "GIT~2",
            ".g\u{200c}it",
            ".git\u{feff}",
            ".git:x",
            ".git::$INDEX_ALLOCATION",
            ".",
            "..",
            "...",
            ". .",
            "",
            "a/b",
            "a\\b",
            "a\0b",
            "C:",
            "c:x",
        ];
        for name in bad {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn takes_what_only_looks_like_it() {
        for name in [
            ".github",
            ".gitignore",
            ".gitmodules",
            "git",
            "git~",
            "git~a",
            "..a",
            "a..",
            "ünï",
            "12:30",
            ".git2",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn checks_every_segment() {
        assert_eq!(check_path("a/b/c.txt"), Ok(()));
        for path in ["a/../b", "/etc/x", "a//b", "a/.git/config", "a/"] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }
}
