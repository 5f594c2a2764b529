//! What a request to the API says before anything is known of who sent it.

use bindery::routes::fuzz;

use super::split_line;

/// A cursor is as it was given, or it is none.
pub(super) fn cursor(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(again) = fuzz::cursor("jobs", &text) {
        assert_eq!(again, text);
        assert_eq!(fuzz::cursor("deliveries", &text), None, "of another list");
    }
    let ours = fuzz::cursor_at("jobs", &text);
    assert_eq!(fuzz::cursor("jobs", &ours).as_deref(), Some(ours.as_str()));
}

/// The first line is our tag, the second the header: whoever does not name it is given all of it, and changes nothing.
pub(super) fn etag(bytes: &[u8]) {
    let (opaque, value) = split_line(bytes);
    let opaque: String = opaque.iter().map(|byte| format!("{byte:02x}")).collect();
    let named = [opaque.as_bytes(), b"*"]
        .iter()
        .any(|part| part.is_empty() || value.windows(part.len()).any(|window| window == *part));
    let known = fuzz::is_known(value, &opaque);
    assert!(named || known != Some(true));
    let current = fuzz::is_current(value, &opaque);
    assert!(
        named || current != Some(true),
        "a condition that does not hold"
    );
}

/// A token is what follows the scheme, without spaces around it.
pub(super) fn bearer(bytes: &[u8]) {
    if let Some(token) = fuzz::bearer(bytes) {
        assert!(!token.is_empty() && token.trim() == token);
        let again = fuzz::bearer(format!("Bearer {token}").as_bytes());
        assert_eq!(again.as_deref(), Some(token.as_str()));
    }
}
