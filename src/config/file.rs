//! The TOML file: one table per concern, and one `[[github]]` table per App.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A file that was read; what a section has taken is no longer in it.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    root: Table,
}

impl ConfigFile {
    pub(super) fn read(path: PathBuf) -> Result<Self, String> {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let root = text
            .parse()
            .map_err(|error| format!("{}: {}", path.display(), explain(&error, &text)))?;
        Ok(Self { path, root })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn take_table(&mut self, name: &str) -> Result<Table, String> {
        match self.root.remove(name) {
            None => Ok(Table::new()),
            Some(Value::Table(table)) => Ok(table),
            Some(_) => Err(format!(
                "{name} in {} must be a table: write [{name}]",
                self.path.display()
            )),
        }
    }

    pub(super) fn take_tables(&mut self, name: &str) -> Result<Vec<Table>, String> {
        let Some(value) = self.root.remove(name) else {
            return Ok(Vec::new());
        };
        value.try_into().map_err(|_| {
            format!(
                "{name} in {} must be a list of tables: write [[{name}]]",
                self.path.display()
            )
        })
    }

    /// The keys that nothing has taken.
    pub(super) fn unknown(&self) -> impl Iterator<Item = String> {
        self.root.keys().map(|key| {
            format!(
                "{key} in {} is not known: remove it, or put it into the table that it belongs to",
                self.path.display()
            )
        })
    }
}

/// The parser's message and the line, without the line's text: it may hold a secret.
fn explain(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line} is not TOML: {}", error.message())
}

/// A number, a boolean or a string as an operator would write it in a variable.
pub(super) fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
