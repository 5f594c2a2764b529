//! Where a setting was given, if it was.

use std::ffi::OsString;
use std::path::Path;

use super::Reader;
use crate::config::file::scalar;
use crate::config::setting::Setting;
use crate::config::source::Origin;
use crate::config::value::Value;

/// A text, and where the operator wrote it.
pub(super) struct Given {
    pub(super) text: String,
    pub(super) name: String,
    pub(super) origin: Origin,
}

impl Reader<'_> {
    pub(super) fn find<T: Value>(&mut self, setting: &Setting) -> Result<Option<Given>, String> {
        // Taken whatever else is set, so that what stays in the table is unknown.
        let in_file = self.in_file(setting, T::SECRET);
        if self.scope.process {
            if let Some(given) = self.in_flags(setting) {
                return Ok(Some(given));
            }
            if let Some(given) = self.in_environment(setting, T::SECRET)? {
                return Ok(Some(given));
            }
        }
        in_file
    }

    fn in_flags(&self, setting: &Setting) -> Option<Given> {
        let flag = setting.flag?;
        Some(Given {
            text: self.sources.flags.get(flag)?.to_owned(),
            name: format!("--{flag}"),
            origin: Origin::Flag(flag),
        })
    }

    fn in_environment(&self, setting: &Setting, secret: bool) -> Result<Option<Given>, String> {
        let given = |name: String, text| Given {
            text,
            origin: Origin::Environment(name.clone()),
            name,
        };
        let text = self.variable(setting.env)?;
        let text = text.map(|text| given(setting.env.to_owned(), text));
        let named = format!("{}_FILE", setting.env);
        let path = if secret { self.variable(&named)? } else { None };
        either(text, path.map(|path| given(named, path)), Path::new(""))
    }

    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        let value = (self.sources.env)(name).map(OsString::into_string);
        value
            .transpose()
            .map_err(|_| format!("{name} is not UTF-8: correct it"))
    }

    fn in_file(&mut self, setting: &Setting, secret: bool) -> Result<Option<Given>, String> {
        let Some(path) = self.file.as_ref().map(|file| file.path().to_owned()) else {
            return Ok(None);
        };
        let named = format!("{}_file", setting.name);
        let text = self.key(setting.name, &path)?;
        let named = if secret {
            self.key(&named, &path)?
        } else {
            None
        };
        either(text, named, path.parent().unwrap_or(Path::new("")))
    }

    fn key(&mut self, key: &str, path: &Path) -> Result<Option<Given>, String> {
        let Some(value) = self.scope.table.remove(key) else {
            return Ok(None);
        };
        let name = self.place(key);
        let Some(text) = scalar(value) else {
            return Err(format!("{name} must be a string, an integer or a boolean"));
        };
        Ok(Some(Given {
            text,
            name,
            origin: Origin::File(path.to_owned()),
        }))
    }
}

/// The text itself, or that of the file that is named instead (from `base`, if it is relative).
fn either(text: Option<Given>, path: Option<Given>, base: &Path) -> Result<Option<Given>, String> {
    match (text, path) {
        (Some(text), Some(path)) => Err(format!(
            "{} and {} are both set: give one of them",
            text.name, path.name
        )),
        (text, None) => Ok(text),
        (None, Some(path)) => {
            let file = base.join(&path.text);
            let text = std::fs::read_to_string(&file).map_err(|error| {
                let file = file.display();
                format!("{} names {file}, which cannot be read: {error}", path.name)
            })?;
            Ok(Some(Given {
                text: text.trim_end_matches(['\r', '\n']).to_owned(),
                ..path
            }))
        }
    }
}
