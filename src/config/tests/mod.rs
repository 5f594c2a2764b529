//! The whole way: from flags, variables and a file to a `Config`, or to every problem.

mod file;
mod github;
mod precedence;
mod reference;
mod refusals;
mod secrets;

use std::collections::HashMap;
use std::ffi::OsString;

use super::{Config, ConfigError, Entry, Flags, Origin, Sources};

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
