//! What an operator sets, by hand and in haste.

use std::ffi::OsString;

use bindery::config::{Config, Entry, Flags, Sources};
use bindery::github::PrivateKeyPem;

use super::{assert_sayable, split_line};

fn explain(variable: &str, value: &str) -> Result<Vec<Entry>, String> {
    let read = |name: &str| (name == variable).then(|| OsString::from(value));
    let explained = Config::explain(&Sources::new(Flags::default(), read));
    explained
        .map(|(_, entries)| entries)
        .map_err(|error| error.to_string())
}

/// The first byte chooses a variable, the rest is its value: what is shown reads back, what is refused is named.
pub(super) fn settings(bytes: &[u8]) {
    let Some((first, value)) = bytes.split_first() else {
        return;
    };
    let defaults = Config::explain(&Sources::none()).expect("the defaults").1;
    let entry = &defaults[usize::from(*first) % defaults.len()];
    let variable = entry.setting.env;
    let value = String::from_utf8_lossy(value).replace('\0', "");
    // It would read a file of the machine.
    if variable == "BINDERY_CONFIG" {
        return;
    }
    match explain(variable, &value) {
        Ok(entries) => {
            let shown = shown(&entries, variable);
            if !entry.secret && shown != shown_by_default(entry) {
                let again = explain(variable, &shown).expect("what is shown reads back");
                assert_eq!(self::shown(&again, variable), shown, "{variable}");
            }
        }
        Err(error) => {
            assert!(error.contains(variable), "{variable} is not named: {error}");
            let text = error.replace('\n', " ");
            assert_sayable(&text, 2_000);
            let is_long = value.trim().len() >= 8;
            let is_secret = entry.secret && is_long && !variable.contains(value.trim());
            assert!(
                !is_secret || variable == "DATABASE_URL" || !error.contains(value.trim()),
                "{error}"
            );
        }
    }
}

fn shown(entries: &[Entry], variable: &str) -> String {
    let entry = entries.iter().find(|entry| entry.setting.env == variable);
    entry.expect("every setting is shown").value.clone()
}

/// What stands for a setting that is not given is no value of it.
fn shown_by_default(entry: &Entry) -> String {
    entry.value.clone()
}

/// A key that is refused is not repeated.
pub(super) fn private_key(bytes: &[u8]) {
    let (_, pem) = split_line(bytes);
    let pem = String::from_utf8_lossy(pem);
    if let Err(error) = PrivateKeyPem::parse(&pem) {
        let said = error.to_string();
        assert_sayable(&said, 200);
        let mut lines = pem
            .lines()
            .filter(|line| line.len() > 40 && !line.starts_with("-----"));
        assert!(lines.all(|line| !said.contains(line)), "{said}");
    }
}
