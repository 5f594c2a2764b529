//! The body of a delivery: the bytes that were signed, and the JSON object in them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::quote::quote;

/// Why a body, signed as it may be, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableBody {
    #[error("the body is empty")]
    Empty,
    #[error("the form has no single `payload` field")]
    NoPayload,
    #[error("the payload is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body is no JSON object: {0}")]
    NotAnObject(String),
}

/// GitHub sends JSON, or a form with the JSON in its one field `payload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    Json,
    Form,
}

impl BodyFormat {
    /// Reads a `Content-Type`; parameters and case do not count.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else {
            None
        }
    }

    /// The JSON in a body.
    pub fn json(self, body: &[u8]) -> Result<Cow<'_, [u8]>, UnusableBody> {
        match self {
            Self::Json => Ok(Cow::Borrowed(body)),
            Self::Form => payload(body).map(Cow::Owned),
        }
    }
}

fn payload(form: &[u8]) -> Result<Vec<u8>, UnusableBody> {
    let mut found = form
        .split(|b| *b == b'&')
        .filter_map(|field| field.strip_prefix(b"payload="));
    match (found.next(), found.next()) {
        (Some(value), None) => {
            let spaced: Vec<u8> = value
                .iter()
                .map(|b| if *b == b'+' { b' ' } else { *b })
                .collect();
            Ok(percent_encoding::percent_decode(&spaced).collect())
        }
        _ => Err(UnusableBody::NoPayload),
    }
}

/// Proves that the bytes are one JSON object, at most 128 levels deep. Nothing of it is kept.
pub fn prove_object(json: &[u8]) -> Result<(), UnusableBody> {
    if json.is_empty() {
        return Err(UnusableBody::Empty);
    }
    let refused = |error: serde_json::Error| UnusableBody::NotAnObject(quote(&error.to_string()));
    // Checked first: serde_json leaves what is within strings alone until they are read as text.
    std::str::from_utf8(json).map_err(|error| UnusableBody::NotAnObject(error.to_string()))?;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.deserialize_map(Object).map_err(refused)?;
    deserializer.end().map_err(refused)
}

/// Visits every value, by recursion, so that the parser's limit on depth holds.
#[derive(Clone, Copy)]
struct Value;

struct Object;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object.visit_map(map)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<Key>()?.is_some() {
            map.next_value_seed(Value)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element::<IgnoredAny>()?;
        Err(A::Error::custom("an array"))
    }
}

/// A key is read as text, so that a lone surrogate in it is refused.
struct Key;

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Value).map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_object() {
        for json in [
            "{}",
            " {\"a\":[1,-2,3.5e3,true,null,\"\\ud83d\\udca5\",{}]}\n",
            "{\"ü\":\"💥\"}",
        ] {
            assert_eq!(prove_object(json.as_bytes()), Ok(()), "{json}");
        }
    }

    #[test]
    fn w23_w39_w44_refuses_everything_else() {
        let bad: [&[u8]; 12] = [
            b"",
            b"x",
            b"[]",
            b"1",
            b"\"{}\"",
            b"null",
            b"{} {}",
            b"{",
            b"{\"a\":\"\\ud800\"}",
            b"{\"\\ud800\":1}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\" 1}",
        ];
        for json in bad {
            assert!(
                prove_object(json).is_err(),
                "{}",
                String::from_utf8_lossy(json)
            );
        }
    }

    #[test]
    fn w46_the_reason_does_not_repeat_the_body() {
        let text = format!("\"{}\"", "\u{1b}[31m".repeat(16_384));
        let reason = prove_object(text.as_bytes())
            .expect_err("a text")
            .to_string();
        assert!(
            reason.len() < 1_000 && !reason.contains('\u{1b}'),
            "{reason}"
        );
        let text = format!("\"{}\"", "x".repeat(65_536));
        let reason = prove_object(text.as_bytes())
            .expect_err("a text")
            .to_string();
        assert!(reason.len() < 1_000, "{} bytes", reason.len());
    }

    #[test]
    fn w40_depth_is_limited() {
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(prove_object(nested(120).as_bytes()), Ok(()));
        assert!(prove_object(nested(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_form_has_one_payload() {
        let json = |form: &str| BodyFormat::Form.json(form.as_bytes()).map(Cow::into_owned);
        assert_eq!(
            json("payload=%7B%22a%22%3A+1%7D").as_deref(),
            Ok(b"{\"a\": 1}".as_slice())
        );
        assert_eq!(json("x=1&payload=%7B%7D").as_deref(), Ok(b"{}".as_slice()));
        for bad in ["", "x=1", "payload=1&payload=2"] {
            assert_eq!(json(bad), Err(UnusableBody::NoPayload), "{bad}");
        }
    }

    #[test]
    fn a_content_type_is_read_as_http_writes_it() {
        assert_eq!(
            BodyFormat::of("Application/JSON; charset=utf-8"),
            Some(BodyFormat::Json)
        );
        assert_eq!(
            BodyFormat::of("application/x-www-form-urlencoded"),
            Some(BodyFormat::Form)
        );
        for other in [
            "",
            "text/plain",
            "application/jsonp",
            "multipart/form-data; boundary=x",
        ] {
            assert_eq!(BodyFormat::of(other), None, "{other}");
        }
    }
}
