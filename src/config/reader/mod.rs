//! Finds a setting in its sources, checks it, and keeps what it saw: the rows of `config show`
//! and every problem.

mod check;
mod lookup;

use toml::Table;

use super::error::ConfigError;
use super::file::ConfigFile;
use super::setting::{Section, Setting};
use super::source::{Origin, Sources};
use super::value::Value;
use check::check;

/// A setting as it was read.
#[derive(Debug)]
pub struct Entry {
    pub setting: &'static Setting,
    /// Its key in the TOML file, `queue.lease`; the second App's are in `github#2`.
    pub key: String,
    /// A secret is `(set)` or `(not set)`.
    pub value: String,
    pub origin: Origin,
    /// A secret may also be given as the path of a file.
    pub secret: bool,
    /// It has no default value; the setting's `default` says what happens without it.
    pub optional: bool,
}

pub(super) struct Reader<'a> {
    sources: &'a Sources<'a>,
    file: Option<ConfigFile>,
    scope: Scope,
    entries: Vec<Entry>,
    problems: Vec<String>,
}

/// Where the settings of the section that is being read may be.
pub(super) struct Scope {
    /// In flags and the environment.
    pub(super) process: bool,
    /// What the file has of it.
    pub(super) table: Table,
    /// How its table is called.
    pub(super) label: String,
}

impl Scope {
    pub(super) fn environment(label: &str) -> Self {
        Self {
            process: true,
            table: Table::new(),
            label: label.to_owned(),
        }
    }

    pub(super) fn table(table: Table, label: String) -> Self {
        Self {
            process: false,
            table,
            label,
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources<'a>) -> Self {
        Self {
            sources,
            file: None,
            scope: Scope::environment(""),
            entries: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, file: Result<ConfigFile, String>) {
        self.file = self.noted(file);
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn noted<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.problem(problem)).ok()
    }

    /// A section that the process and the file have once.
    pub(super) fn section<S: Section>(&mut self) -> S {
        let table = self.file.as_mut().map(|file| file.take_table(S::NAME));
        let table = table.and_then(|table| self.noted(table));
        self.section_in(Scope {
            table: table.unwrap_or_default(),
            ..Scope::environment(S::NAME)
        })
    }

    /// The tables of a section that the file may have several times.
    pub(super) fn tables(&mut self, name: &str) -> Vec<Table> {
        let tables = self.file.as_mut().map(|file| file.take_tables(name));
        let tables = tables.and_then(|tables| self.noted(tables));
        tables.unwrap_or_default()
    }

    pub(super) fn section_in<S: Section>(&mut self, scope: Scope) -> S {
        self.scope = scope;
        let section = S::read(self);
        let unknown: Vec<_> = self.scope.table.keys().cloned().collect();
        for key in unknown {
            let place = self.place(&key);
            self.problem(format!(
                "{place} is not known: remove it, or correct its name"
            ));
        }
        section
    }

    /// A setting with a default.
    pub(super) fn value<T: Value>(&mut self, setting: &'static Setting) -> T {
        self.given(setting, false).unwrap_or_else(|| {
            self.saw::<T>(setting, setting.default.to_owned(), Origin::Default, false);
            T::parse(setting.default)
                .expect("a default is a value: every test that loads a Config reads them all")
        })
    }

    /// A setting that may be absent.
    pub(super) fn optional<T: Value>(&mut self, setting: &'static Setting) -> Option<T> {
        self.given(setting, true).or_else(|| {
            let shown = if T::SECRET {
                "(not set)"
            } else {
                setting.default
            };
            self.saw::<T>(setting, shown.to_owned(), Origin::Default, true);
            None
        })
    }

    /// `None` when it is not given, or wrong: then the problem is noted.
    fn given<T: Value>(&mut self, setting: &'static Setting, optional: bool) -> Option<T> {
        let found = self.find::<T>(setting);
        let given = self.noted(found)??;
        let value: T = self.noted(check(&given, setting))?;
        self.saw::<T>(setting, value.show(), given.origin, optional);
        Some(value)
    }

    fn saw<T: Value>(
        &mut self,
        setting: &'static Setting,
        value: String,
        origin: Origin,
        optional: bool,
    ) {
        self.entries.push(Entry {
            setting,
            key: format!("{}.{}", self.scope.label, setting.name)
                .trim_start_matches('.')
                .to_owned(),
            value,
            origin,
            secret: T::SECRET,
            optional,
        });
    }

    /// A key of the table at hand, as a problem names it.
    pub(super) fn place(&self, key: &str) -> String {
        let path = self.file.as_ref().map(|file| file.path().display());
        let path = path.map(|path| format!(" in {path}")).unwrap_or_default();
        format!("{}.{key}{path}", self.scope.label)
    }

    /// What was seen, or every problem.
    pub(super) fn finish(mut self) -> Result<Vec<Entry>, ConfigError> {
        if let Some(file) = &self.file {
            self.problems.extend(file.unknown());
        }
        if self.problems.is_empty() {
            Ok(self.entries)
        } else {
            Err(ConfigError {
                problems: self.problems,
            })
        }
    }
}
