use std::path::PathBuf;

use super::{Folder, explain, load, value_of};
use crate::config::{Flags, Grants, LogFormat, Origin};

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let folder = Folder::new("[http]\nlisten = \"127.0.0.3:3\"");
    let path = folder.path();
    let file = [("BINDERY_CONFIG", path.as_str())];
    let both = [file[0], ("BINDERY_LISTEN", "127.0.0.2:2")];
    let flag = Flags::default().with("listen", "127.0.0.1:1");
    let environment = Origin::Environment("BINDERY_LISTEN".to_owned());
    let cases = [
        (flag, &both[..], "127.0.0.1:1", Origin::Flag("listen")),
        (Flags::default(), &both[..], "127.0.0.2:2", environment),
        (
            Flags::default(),
            &file[..],
            "127.0.0.3:3",
            Origin::File(PathBuf::from(&path)),
        ),
        (Flags::default(), &[], "127.0.0.1:8080", Origin::Default),
    ];
    for (flags, variables, address, origin) in cases {
        let (config, entries) = explain(flags, variables).expect(address);
        assert_eq!(config.http.listen.to_string(), address);
        assert_eq!(
            value_of(&entries, "http.listen"),
            (address.to_owned(), origin)
        );
    }
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = load(&[]).expect("defaults");
    assert_eq!(config.database.url.redacted(), "sqlite://bindery.db");
    assert_eq!(config.database.settings().pool_size, 4);
    assert_eq!(config.queue.lease.as_secs(), 60);
    assert_eq!(config.webhook.max_body.as_u64(), 25 * 1024 * 1024);
    assert_eq!(config.access.grants, Grants::Required);
    assert_eq!(config.log.format_for(false), LogFormat::Json);
    assert!(config.github.is_empty());
}

#[test]
fn origins_read_as_words() {
    let origins = [
        (Origin::Flag("listen"), "flag --listen"),
        (
            Origin::Environment("X_FILE".to_owned()),
            "environment X_FILE",
        ),
        (
            Origin::File("/etc/bindery.toml".into()),
            "file /etc/bindery.toml",
        ),
        (Origin::Default, "default"),
    ];
    for (origin, words) in origins {
        assert_eq!(origin.to_string(), words);
    }
}
