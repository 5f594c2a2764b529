//! The settings for a reader: `--help` and docs/configuration.md.

use super::Config;
use super::reader::Entry;
use super::setting::Setting;
use super::source::Sources;

/// Every setting as it is when nothing is set.
pub(super) fn entries() -> Vec<Entry> {
    let explained = Config::explain(&Sources::none());
    let (_, entries) = explained.expect("the defaults are valid: each is read in every test");
    entries
}

/// docs/configuration.md.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut section = "";
    for entry in entries() {
        if entry.setting.section != section {
            section = entry.setting.section;
            page += &heading(&entry);
        }
        page += &row(&entry);
    }
    page
}

/// One line for each variable, for the end of `--help`.
pub fn variables() -> String {
    let entries = entries();
    let width = entries.iter().map(|entry| entry.setting.env.len()).max();
    let line = |entry: &Entry| {
        let Setting { env, default, .. } = entry.setting;
        let default = if default.is_empty() { "none" } else { default };
        format!("  {env:width$}  {default}\n", width = width.unwrap_or(0))
    };
    let lines: String = entries.iter().map(line).collect();
    format!(
        "Environment, with the defaults (a secret may be a file that NAME_FILE names):\n{lines}"
    )
}

impl Entry {
    /// What the setting is, in one paragraph.
    pub fn doc(&self) -> &'static str {
        self.setting.doc.trim()
    }

    /// What `--help` says about the setting's flag.
    pub(super) fn help(&self) -> String {
        let Setting { env, default, .. } = self.setting;
        let default = if default.is_empty() { "none" } else { default };
        format!("{} [env: {env}] [default: {default}]", self.doc())
    }
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Written from src/config by `./dev settings`: change it there. -->

Each setting can be a variable of the environment or a key of a TOML file; the common ones are
flags too. A flag wins over the environment, that over the file, that over the default.
`bindery config show` prints every setting, its value and where that came from; secrets only as
`(set)` or `(not set)`.

A secret can be given as a file: `GITHUB_WEBHOOK_SECRET_FILE=/run/secrets/webhook` in the
environment, `webhook_secret_file = \"webhook\"` in the TOML file (a relative path starts at the
TOML file's folder there). The newline at its end is not part of it.

Durations have a unit (`500ms`, `60s`, `5m`, `1h 30m`, `7d`), and so have sizes (`64KiB`, `25MiB`,
`1GiB`; a bare number is bytes). What is wrong is reported at start, all of it at once.

| variable, flag | default | |
|---|---|---|
";

fn heading(entry: &Entry) -> String {
    let Setting { section, about, .. } = entry.setting;
    let table = match *section {
        "github" => "[[github]]".to_owned(),
        section => format!("[{section}]"),
    };
    let about = about.trim();
    format!(
        "\n## `{table}`\n\n{about}\n\n| variable, flag | key | default | |\n|---|---|---|---|\n"
    )
}

fn row(entry: &Entry) -> String {
    let Setting {
        section,
        name,
        env,
        flag,
        default,
        range,
        ..
    } = entry.setting;
    let flag = flag.map(|flag| format!(", `--{flag}`")).unwrap_or_default();
    let file = if entry.secret { " (or `…_FILE`)" } else { "" };
    let key = match *section {
        "" => String::new(),
        _ => format!(" `{name}` |"),
    };
    let default = match *default {
        "" => "none".to_owned(),
        text if entry.optional => text.to_owned(),
        text => format!("`{text}`"),
    };
    let range = range
        .map(|(min, max)| format!(" From `{min}` to `{max}`."))
        .unwrap_or_default();
    let doc = entry.doc();
    format!("| `{env}`{file}{flag} |{key} {default} | {doc}{range} |\n")
}
