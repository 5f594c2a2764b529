use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::UnusablePayload;

/// A few fields of a JSON object, looked at without trusting the type of any.
///
/// Never recurses into what is not asked for, so that no depth of nesting can hurt.
pub(super) struct Fields<'a, const N: usize>([Option<&'a RawValue>; N]);

impl<'a, const N: usize> Fields<'a, N> {
    /// # Errors
    /// When `body` is not one JSON object.
    pub(super) fn read(body: &'a [u8], names: [&'static str; N]) -> Result<Self, UnusablePayload> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let fields = json
            .deserialize_map(Wanted(names))
            .and_then(|fields| json.end().map(|()| fields))
            .map_err(|error| UnusablePayload::new(".", &error.to_string()))?;
        Ok(Self(fields))
    }

    /// The field's own fields; all absent when it is no object.
    pub(super) fn inside<const M: usize>(
        &self,
        index: usize,
        names: [&'static str; M],
    ) -> Fields<'a, M> {
        self.0[index]
            .and_then(|raw| Fields::read(raw.get().as_bytes(), names).ok())
            .unwrap_or(Fields([None; M]))
    }

    /// `None` when it is missing, or of another type.
    pub(super) fn value<T: DeserializeOwned>(&self, index: usize) -> Option<T> {
        self.0[index].and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// A text short and plain enough to keep: no control characters, at most 255 bytes.
    pub(super) fn text(&self, index: usize) -> Option<String> {
        self.value(index)
            .filter(|text: &String| is_plain(text, 255))
    }
}

/// Neither a database nor a log takes every character that JSON can hold (NUL, escapes of a terminal).
pub(super) fn is_plain(text: &str, max_bytes: usize) -> bool {
    text.len() <= max_bytes && !text.chars().any(char::is_control)
}

struct Wanted<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Wanted<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(Key(key)) = map.next_key()? {
            match self.0.iter().position(|name| *name == key) {
                Some(index) => found[index] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
        Borrowed::deserialize(deserializer).map(|Borrowed(key)| Self(key))
    }
}
