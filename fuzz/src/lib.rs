//! Every parser that meets a stranger's bytes, and what must be true of it whatever they are.
//!
//! A target is a function of bytes that panics when something is not true. `tests/fuzz` runs all of them on
//! mutated seeds, as a test; `cargo fuzz` runs one, guided by coverage.

mod answer;
mod archive;
mod binding;
mod body;
mod event;
mod listing;
mod names;
mod request;
mod settings;
mod signature;

/// A parser and its properties.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

pub const TARGETS: &[Target] = &[
    target("signature", signature::signature),
    target("body_json", body::json),
    target("body_form", body::form),
    target("event", event::event),
    target("git_ref", names::git_ref),
    target("root_path", names::root_path),
    target("tree_path", names::tree_path),
    target("binding", binding::binding),
    target("tree_listing", listing::listing),
    target("tree_made", listing::made),
    target("template", listing::template),
    target("answer", answer::answer),
    target("mint", answer::mint),
    target("settings", settings::settings),
    target("private_key", settings::private_key),
    target("cursor", request::cursor),
    target("etag", request::etag),
    target("bearer", request::bearer),
    target("archive", archive::archive),
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(bytes);
}

/// What is said to a person or a log is one line, and not a stranger's whole body.
#[track_caller]
fn assert_sayable(text: &str, max_bytes: usize) {
    assert!(!text.is_empty(), "a refusal says why");
    assert!(
        text.len() <= max_bytes,
        "{} bytes are said: {text:?}",
        text.len()
    );
    assert!(
        !text.chars().any(char::is_control),
        "control characters are said: {text:?}"
    );
}

/// The first line, and what follows it: how a target takes two things out of one input.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.map_or((bytes, &[]), |end| (&bytes[..end], &bytes[end + 1..]))
}
