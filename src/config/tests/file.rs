use std::time::Duration;

use super::{Folder, load, problems};

#[test]
fn strings_integers_and_booleans_are_read() {
    let folder = Folder::new(
        "[queue]\nworkers = 3\nlease = \"5m\"\n[webhook]\nforms = false\n[log]\nfilter = \"debug\"",
    );
    let config = folder.load().expect("a good file");
    assert_eq!(config.queue.workers, 3);
    assert_eq!(config.queue.lease, Duration::from_secs(300));
    assert!(!config.webhook.forms);
}

/// A wrong file, and its problems.
#[test]
fn a_problem_names_the_key_and_the_file() {
    let cases = [
        (
            "[queue]\nleese = \"1m\"",
            "queue.leese in bindery.toml is not known: remove it, or correct its name",
        ),
        (
            "workers = 3",
            "workers in bindery.toml is not known: remove it, or put it into the table that it \
             belongs to",
        ),
        (
            "[queue]\nlease = \"2h\"",
            "queue.lease in bindery.toml is 2h: give a duration from 1s to 1h",
        ),
        (
            "[queue]\nworkers = [3]",
            "queue.workers in bindery.toml must be a string, an integer or a boolean",
        ),
        (
            "queue = 3",
            "queue in bindery.toml must be a table: write [queue]",
        ),
        (
            "[github]\napp_id = 1",
            "github in bindery.toml must be a list of tables: write [[github]]",
        ),
        (
            "[queue]\nlease_file = \"x\"",
            "queue.lease_file in bindery.toml is not known: remove it, or correct its name",
        ),
    ];
    for (toml, problem) in cases {
        assert_eq!(Folder::new(toml).problems(), [problem]);
    }
}

#[test]
fn a_key_is_known_even_where_the_environment_wins() {
    let folder = Folder::new("[queue]\nlease = \"nonsense\"");
    let config = load(&[("BINDERY_CONFIG", &folder.path()), ("BINDERY_LEASE", "2m")]);
    assert_eq!(
        config
            .expect("the file's is not used")
            .queue
            .lease
            .as_secs(),
        120
    );
}

#[test]
fn what_is_not_toml_is_named_by_its_line() {
    let problems = Folder::new("[queue]\nlease = \"1m\"\nworkers = = 3\n").problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("bindery.toml: line 3 is not TOML: "),
        "{problems:?}"
    );
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let problems = problems(&[("BINDERY_CONFIG", "/nowhere/bindery.toml")]);
    assert!(
        problems[0].starts_with("/nowhere/bindery.toml cannot be read: "),
        "{problems:?}"
    );
}
