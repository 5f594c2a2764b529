//! Whether what was given can be used, and the sentence about it when it cannot.

use super::lookup::Given;
use crate::config::setting::Setting;
use crate::config::value::{Fault, Value};

pub(super) fn check<T: Value>(given: &Given, setting: &Setting) -> Result<T, String> {
    let fault = match T::parse(&given.text) {
        Ok(value) if is_within(&value, setting) => return Ok(value),
        Err(Fault::Explained(sentence)) => return Err(format!("{}: {sentence}", given.name)),
        Err(Fault::Reason(reason)) => reason,
        Ok(_) | Err(Fault::Text) if T::SECRET => "cannot be used".to_owned(),
        Ok(_) | Err(Fault::Text) => format!("is {}", quoted(&given.text)),
    };
    Err(format!(
        "{} {fault}: give {}",
        given.name,
        expected::<T>(setting)
    ))
}

fn is_within<T: Value>(value: &T, setting: &Setting) -> bool {
    let Some((min, max)) = setting.range else {
        return true;
    };
    let amount = |text| T::parse(text).ok().and_then(|bound| bound.amount());
    let Some(given) = value.amount() else {
        return true;
    };
    Some(given) >= amount(min) && Some(given) <= amount(max)
}

fn expected<T: Value>(setting: &Setting) -> String {
    match setting.range {
        Some((min, max)) => format!("{} from {min} to {max}", T::EXPECTED),
        None => T::EXPECTED.to_owned(),
    }
}

/// At most one line of what was written.
fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(MAX_CHARS).collect();
    match (start.as_str(), chars.next()) {
        ("", _) => "empty".to_owned(),
        (start, None) => start.escape_debug().to_string(),
        (start, Some(_)) => format!("{}…", start.escape_debug()),
    }
}
