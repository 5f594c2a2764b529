//! The payloads of all events.

use bindery::github::event::{self, Envelope, Event};
use serde_json::Value;

use super::assert_sayable;

/// The first line is the event's name, the rest its payload.
pub(super) fn event(bytes: &[u8]) {
    let (name, body) = super::split_line(bytes);
    let name = String::from_utf8_lossy(name);
    assert!(
        event::label(&name).len() <= 32,
        "a metric's label is one of ours"
    );
    envelope(body);
    match Event::parse(&name, body) {
        Ok(event) => {
            check(&event);
            same_when_written_anew(&name, body, &event);
        }
        Err(error) => {
            assert!(!error.field.is_empty(), "the field is named");
            assert_sayable(&error.to_string(), 2_000);
        }
    }
}

/// What finds a delivery in the ledger is short and plain.
fn envelope(body: &[u8]) {
    let envelope = Envelope::parse(body);
    let names = envelope.repository_name.map(|name| name.to_string());
    for text in envelope.action.into_iter().chain(names) {
        assert!(text.len() <= 255 && !text.chars().any(char::is_control));
    }
}

fn check(event: &Event) {
    if let Event::Push(push) = event {
        assert!(push.git_ref.len() <= 1024);
        if let Some(parsed) = &push.parsed_ref {
            assert_eq!(parsed.full(), push.git_ref);
        }
        assert!(push.repository.id.get() > 0);
    }
}

/// The same values in other bytes, as GitHub's list of deliveries gives them, are the same event.
fn same_when_written_anew(name: &str, body: &[u8], event: &Event) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let again = Event::parse(name, value.to_string().as_bytes()).expect("the same values");
    assert_eq!(format!("{again:?}"), format!("{event:?}"));
}
