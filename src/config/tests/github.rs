use super::{Folder, load, problems};

const KEY: &str = include_str!("../../../fixtures/test-app-key.pem");
const SECRET: &str = "0123456789abcdef";

const COMPLETE: [(&str, &str); 3] = [
    ("GITHUB_APP_ID", "7"),
    ("GITHUB_APP_PRIVATE_KEY", KEY),
    ("GITHUB_WEBHOOK_SECRET", SECRET),
];

/// A file that lists Apps by their API and id, complete.
fn file(apps: &[(&str, u32)]) -> Folder {
    let table = |(api, id): &(&str, u32)| {
        format!(
            "[[github]]\napi_url = \"{api}\"\napp_id = {id}\nprivate_key_file = \"key.pem\"\n\
             webhook_secret = \"{SECRET}\"\n"
        )
    };
    let toml: String = apps.iter().map(table).collect();
    Folder::new(&toml).with("key.pem", KEY)
}

#[test]
fn a_complete_app_is_read() {
    let config = load(&COMPLETE).expect("complete");
    let [app] = config.github.as_slice() else {
        panic!("one App, not {:?}", config.github);
    };
    assert_eq!((app.app_id.get(), app.host.as_str()), (7, "github.com"));
    assert!(app.previous_private_key.is_none() && app.previous_webhook_secret.is_none());
    assert!(config.missing.is_empty());
}

/// What is given, and what is then missing.
#[test]
fn an_incomplete_app_says_what_is_missing_and_is_left_out() {
    let all = [
        "GITHUB_APP_ID",
        "GITHUB_APP_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
    ];
    let url = ("GITHUB_API_URL", "https://api.github.com");
    let cases = [
        (vec![], all.to_vec()),
        (vec![url], all.to_vec()),
        (COMPLETE[..1].to_vec(), all[1..].to_vec()),
        (COMPLETE[1..].to_vec(), all[..1].to_vec()),
    ];
    for (given, missing) in cases {
        let config = load(&given).expect("it starts all the same");
        assert_eq!(config.missing, missing);
        assert!(config.github.is_empty());
    }
}

#[test]
fn the_environments_app_comes_before_the_files() {
    let folder = file(&[
        ("https://ghe.example/api/v3", 7),
        ("https://api.acme.ghe.com", 7),
    ]);
    let path = folder.path();
    let variables = [&[("BINDERY_CONFIG", path.as_str())], &COMPLETE[..]].concat();
    let config = load(&variables).expect("three Apps");
    let hosts: Vec<_> = config.github.iter().map(|app| app.host.as_str()).collect();
    assert_eq!(hosts, ["github.com", "ghe.example", "acme.ghe.com"]);
}

#[test]
fn apps_of_the_file_need_none_in_the_environment() {
    let config = file(&[("https://api.github.com", 1)])
        .load()
        .expect("one App");
    assert_eq!(config.github.len(), 1);
    assert!(config.missing.is_empty());
}

#[test]
fn an_incomplete_app_of_the_file_is_named_by_its_place() {
    let folder = Folder::new("[[github]]\napp_id = 1\nwebhook_secret = \"0123456789abcdef\"");
    let config = folder.load().expect("it starts all the same");
    assert_eq!(
        config.missing,
        [format!("github#1.private_key in {}", folder.path())]
    );
}

#[test]
fn the_same_app_twice_is_refused() {
    let folder = file(&[
        ("https://api.github.com", 1),
        ("https://api.github.com/", 1),
    ]);
    assert_eq!(
        folder.problems(),
        ["App 1 of github.com is configured twice: remove one of them"]
    );
}

#[test]
fn an_unknown_key_of_an_app_is_refused() {
    let folder = Folder::new("[[github]]\napp = 1");
    assert_eq!(
        folder.problems(),
        ["github#1.app in bindery.toml is not known: remove it, or correct its name"]
    );
}

/// A key that is refused, and what is said.
#[test]
fn a30_a_key_that_no_app_has_is_refused() {
    let cases = [
        ("canary-canary-canary", "not a private key in PEM"),
        (
            include_str!("../../../fixtures/keys/rsa-1024.pem"),
            "fewer than 2048 bits",
        ),
        (
            include_str!("../../../fixtures/keys/rsa-encrypted-pkcs8.pem"),
            "is encrypted",
        ),
        (
            include_str!("../../../fixtures/keys/ec.pem"),
            "is not an RSA key",
        ),
    ];
    for (key, reason) in cases {
        for variable in ["GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_PREVIOUS"] {
            let problem = problems(&[(variable, key)]).remove(0);
            assert!(
                problem.starts_with(variable) && problem.contains(reason),
                "{problem}"
            );
            let leaks = key
                .lines()
                .any(|line| !line.starts_with("---") && problem.contains(line));
            assert!(!leaks, "{problem}");
        }
    }
}

#[test]
fn w14_a_weak_webhook_secret_is_refused() {
    for weak in ["", "canary-15-bytes"] {
        let problem = problems(&[("GITHUB_WEBHOOK_SECRET", weak)]).remove(0);
        assert!(
            problem.contains("at least 16 bytes") && !problem.contains("canary"),
            "{problem}"
        );
    }
}
