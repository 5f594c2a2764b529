use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::{Config, ConfigError, Entry, Flags, Grants, LogFormat, Origin, Sources};

const KEY: &str = "canary-private-key-text";
const SECRET: &str = "canary-webhook-secret";

/// Loads with these variables and nothing else.
fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    explain(Flags::default(), variables).map(|(config, _)| config)
}

fn explain(flags: Flags, variables: &[(&str, &str)]) -> Result<(Config, Vec<Entry>), ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::explain(&Sources::new(flags, |name| {
        variables.get(name).map(OsString::from)
    }))
}

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    load(variables).expect_err("a refusal").problems
}

/// A folder with a `bindery.toml`, which the problems call by its path.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(toml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("bindery.toml"), toml).expect("written");
        Self(folder)
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.path().join(name), text).expect("written");
        self
    }

    fn path(&self) -> String {
        self.0.path().join("bindery.toml").display().to_string()
    }

    fn load(&self) -> Result<Config, ConfigError> {
        load(&[("BINDERY_CONFIG", &self.path())])
    }

    /// The problems, with the file's path shortened to its name.
    fn problems(&self) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        let problems = self.load().expect_err("a refusal").problems;
        problems
            .iter()
            .map(|problem| problem.replace(&folder, ""))
            .collect()
    }
}

fn value_of(entries: &[Entry], key: &str) -> (String, Origin) {
    let entry = entries.iter().find(|entry| entry.key == key).expect(key);
    (entry.value.clone(), entry.origin.clone())
}

mod precedence {
    use super::*;

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
        assert_eq!(config.database.url.expose_secret(), "sqlite://bindery.db");
        assert_eq!(config.database.connections(), 4);
        assert_eq!(config.queue.lease.as_secs(), 60);
        assert_eq!(config.webhook.max_body.as_u64(), 25 * 1024 * 1024);
        assert_eq!(config.access.grants, Grants::Off);
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
}
