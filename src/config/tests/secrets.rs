use secrecy::ExposeSecret;

use super::{Folder, explain, load, problems, value_of};
use crate::config::{Flags, Origin, Sources};

const TOKEN: &str = "canary-of-the-admin-token";

fn token(variables: &[(&str, &str)]) -> String {
    let config = load(variables).expect("a good secret");
    let token = config.access.admin_token.expect("a token");
    token.expose_secret().to_owned()
}

#[test]
fn a_secret_may_be_in_a_file_that_the_environment_names() {
    let folder = Folder::new("").with("token", &format!("{TOKEN}\n"));
    let path = folder.path().replace("bindery.toml", "token");
    assert_eq!(token(&[("BINDERY_ADMIN_TOKEN_FILE", &path)]), TOKEN);
}

#[test]
fn a_path_in_the_file_starts_at_its_folder() {
    let folder = Folder::new("[access]\nadmin_token_file = \"token\"").with("token", TOKEN);
    assert_eq!(token(&[("BINDERY_CONFIG", &folder.path())]), TOKEN);
}

#[test]
fn a_secret_is_shown_as_set_or_not_set() {
    let variables = [
        ("BINDERY_ADMIN_TOKEN", TOKEN),
        ("DATABASE_URL", "postgres://u:canary@h/d"),
    ];
    let (config, entries) = explain(Flags::default(), &variables).expect("good secrets");
    let origin = |name: &str| Origin::Environment(name.to_owned());
    let shown = |key: &str| value_of(&entries, key);
    assert_eq!(
        shown("access.admin_token"),
        ("(set)".to_owned(), origin("BINDERY_ADMIN_TOKEN"))
    );
    assert_eq!(shown("database.url").0, "postgres://u:***@h/d");
    assert_eq!(
        shown("github.webhook_secret"),
        ("(not set)".to_owned(), Origin::Default)
    );
    assert!(!format!("{config:?}{entries:?}").contains("canary"));
}

/// A secret that is refused, and how its problem begins.
#[test]
fn a_refusal_does_not_quote_the_secret() {
    let cases = [
        (
            "BINDERY_ADMIN_TOKEN",
            "canary",
            "BINDERY_ADMIN_TOKEN has only 6 bytes: give a secret",
        ),
        (
            "BINDERY_ADMIN_TOKEN",
            "",
            "BINDERY_ADMIN_TOKEN is empty: give a secret",
        ),
        ("GITHUB_WEBHOOK_SECRET", "canary", "GITHUB_WEBHOOK_SECRET: "),
        (
            "GITHUB_WEBHOOK_SECRET_PREVIOUS",
            "canary",
            "GITHUB_WEBHOOK_SECRET_PREVIOUS: ",
        ),
        (
            "DATABASE_URL",
            "my://canary@h",
            "DATABASE_URL: my:// is not supported",
        ),
        (
            "GITHUB_API_URL",
            "https://u:canary@h",
            "GITHUB_API_URL holds a user or a password",
        ),
    ];
    for (variable, value, beginning) in cases {
        let error = load(&[(variable, value)]).expect_err(variable);
        assert!(error.to_string().starts_with(beginning), "{error}");
        assert!(!format!("{error}{error:?}").contains("canary"), "{error}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_not_quoted() {
    let folder = Folder::new("[access]\nadmin_token = \"canary\nmore = canary");
    let error = folder.load().expect_err("not TOML");
    assert!(!format!("{error}{error:?}").contains("canary"), "{error}");
}

#[test]
fn a_secret_given_twice_or_unreadable_is_refused() {
    let both = [
        ("BINDERY_ADMIN_TOKEN", TOKEN),
        ("BINDERY_ADMIN_TOKEN_FILE", "/nowhere/token"),
    ];
    assert_eq!(
        problems(&both),
        ["BINDERY_ADMIN_TOKEN and BINDERY_ADMIN_TOKEN_FILE are both set: give one of them"]
    );
    let problem = problems(&both[1..]).remove(0);
    let beginning = "BINDERY_ADMIN_TOKEN_FILE names /nowhere/token, which cannot be read: ";
    assert!(problem.starts_with(beginning), "{problem}");
}

#[test]
fn the_sources_are_not_shown() {
    let flags = Flags::default().with("database-url", "postgres://u:canary@h/d");
    let shown = format!("{:?}", Sources::new(flags, |_| None));
    assert!(
        shown.contains("database-url") && !shown.contains("canary"),
        "{shown}"
    );
}
