use super::{load, problems};

/// One wrong variable, and the sentence it gets.
#[test]
fn each_refusal_names_the_setting_and_says_what_to_give() {
    let cases = [
        (
            "BINDERY_LEASE",
            "0s",
            "BINDERY_LEASE is 0s: give a duration from 1s to 1h",
        ),
        (
            "BINDERY_LEASE",
            "60",
            "BINDERY_LEASE is 60: give a duration from 1s to 1h",
        ),
        (
            "BINDERY_WORKERS",
            "0",
            "BINDERY_WORKERS is 0: give a number from 1 to 256",
        ),
        (
            "BINDERY_WORKERS",
            "many",
            "BINDERY_WORKERS is many: give a number from 1 to 256",
        ),
        (
            "BINDERY_WEBHOOK_MAX_BODY",
            "26MiB",
            "BINDERY_WEBHOOK_MAX_BODY is 26MiB: give a size from 1KiB to 25MiB",
        ),
        (
            "BINDERY_KEEP_DELIVERIES",
            "3d",
            "BINDERY_KEEP_DELIVERIES is 3d: give a duration from 4d to 3650d",
        ),
        (
            "BINDERY_LISTEN",
            "8080",
            "BINDERY_LISTEN is 8080: give an address and a port such as 127.0.0.1:8080",
        ),
        (
            "BINDERY_GRANTS",
            "no",
            "BINDERY_GRANTS is no: give off or required",
        ),
        (
            "BINDERY_LOG",
            "",
            "BINDERY_LOG is empty: give pretty or json",
        ),
        (
            "BINDERY_WEBHOOK_FORMS",
            "yes",
            "BINDERY_WEBHOOK_FORMS is yes: give true or false",
        ),
        (
            "DATABASE_URL",
            "mysql://h/db",
            "DATABASE_URL: mysql:// is not supported: give postgres://… or sqlite://…",
        ),
        (
            "GITHUB_APP_ID",
            "-1",
            "GITHUB_APP_ID is -1: give the App's id, a number from 1",
        ),
    ];
    for (variable, value, sentence) in cases {
        assert_eq!(problems(&[(variable, value)]), [sentence]);
    }
}

#[test]
fn all_problems_are_reported_together() {
    let error = load(&[("BINDERY_LEASE", "0s"), ("BINDERY_GRANTS", "no")]).expect_err("two");
    assert_eq!(
        error.to_string(),
        "the configuration has 2 problems:\
         \n  - BINDERY_LEASE is 0s: give a duration from 1s to 1h\
         \n  - BINDERY_GRANTS is no: give off or required"
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let cases = [
        (
            "BINDERY_WEBHOOK_BODY_MEMORY",
            "1MiB",
            "BINDERY_WEBHOOK_MAX_BODY",
        ),
        ("BINDERY_BACKOFF_MAX", "1s", "BINDERY_BACKOFF_BASE"),
        ("BINDERY_KEEP_BODIES", "15d", "BINDERY_KEEP_DELIVERIES"),
        ("BINDERY_SYNC_MAX_TOTAL", "1MiB", "BINDERY_SYNC_MAX_FILE"),
    ];
    for (variable, value, other) in cases {
        let problems = problems(&[(variable, value)]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains(variable) && problems[0].contains(other),
            "{problems:?}"
        );
    }
}

#[test]
fn what_was_written_is_shown_on_one_line_and_cut() {
    let long = format!("a\u{1b}[31m\n{}", "x".repeat(500));
    let problem = problems(&[("BINDERY_GRANTS", &long)]).remove(0);
    assert!(
        problem.starts_with(r"BINDERY_GRANTS is a\u{1b}[31m\nxxx"),
        "{problem}"
    );
    assert!(
        problem.len() < 200 && !problem.contains(char::is_control),
        "{problem}"
    );
}
