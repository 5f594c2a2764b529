use std::collections::HashSet;

use clap::{Args, Command, FromArgMatches};

use super::load;
use crate::config::{Flags, page, reference::entries, variables};

/// `BINDERY_WRITE_DOCS=1` writes it instead: that is what `./dev settings` does.
#[test]
fn the_committed_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    if std::env::var_os("BINDERY_WRITE_DOCS").is_some() {
        std::fs::write(path, page()).expect("docs/ is writable");
    }
    let committed = std::fs::read_to_string(path).expect("the page is committed");
    assert!(
        committed == page(),
        "docs/configuration.md is old: run `./dev settings`"
    );
}

#[test]
fn every_default_and_every_bound_is_accepted() {
    for entry in entries()
        .iter()
        .filter(|entry| entry.setting.range.is_some())
    {
        let (min, max) = entry.setting.range.expect("filtered");
        let default = (!entry.optional).then_some(entry.setting.default);
        for text in [Some(min), Some(max), default].into_iter().flatten() {
            let Err(error) = load(&[(entry.setting.env, text)]) else {
                continue;
            };
            let refusal = format!("{} is {text}:", entry.setting.env);
            assert!(!error.to_string().contains(&refusal), "{error}");
        }
    }
}

#[test]
fn a_variable_belongs_to_one_setting_and_has_a_sentence() {
    let entries = entries();
    let variables: HashSet<_> = entries.iter().map(|entry| entry.setting.env).collect();
    assert_eq!(variables.len(), entries.len());
    for entry in &entries {
        assert!(entry.doc().ends_with('.'), "{}: {}", entry.key, entry.doc());
    }
}

#[test]
fn the_flags_of_the_common_settings_are_read() {
    let command = Flags::augment_args(Command::new("bindery"));
    let arguments = [
        "bindery",
        "--listen",
        "[::1]:1",
        "--database-url=sqlite://x.db",
    ];
    let matches = command.try_get_matches_from(arguments).expect("good flags");
    let flags = Flags::from_arg_matches(&matches).expect("good flags");
    assert_eq!(flags.get("listen"), Some("[::1]:1"));
    assert_eq!(flags.get("database-url"), Some("sqlite://x.db"));
    assert_eq!(flags.get("config"), None);
}

#[test]
fn help_says_what_a_flag_is_and_which_variable_it_stands_for() {
    let mut command = Flags::augment_args(Command::new("bindery"));
    let help = command.render_long_help().to_string();
    for part in [
        "--config",
        "--database-url",
        "--listen",
        "--path-prefix",
        "--log",
        "[env: BINDERY_LOG]",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    assert!(
        variables().contains("\n  BINDERY_LEASE "),
        "{}",
        variables()
    );
}
