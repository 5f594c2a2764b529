//! Words of strangers made fit for our logs and error texts.

const MAX_CHARS: usize = 200;

/// How GitHub's tokens and JWTs begin: nothing that looks like one is repeated.
const SECRETS: [&str; 8] = [
    "ghs_",
    "ghu_",
    "ghp_",
    "gho_",
    "ghr_",
    "github_pat_",
    "eyJ",
    "-----BEGIN",
];

/// `text` on one line, at most 200 characters, without control characters and without what looks like a secret.
pub(crate) fn quote(text: &str) -> String {
    if SECRETS.iter().any(|secret| text.contains(secret)) {
        return "(withheld: it looks like a secret)".to_owned();
    }
    let mut quoted: String = text
        .chars()
        .take(MAX_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn repeats_plain_words_only() {
        assert_eq!(quote("Not Found"), "Not Found");
        assert_eq!(quote("a\r\nb\u{1b}[31mc"), "a  b [31mc");
        assert_eq!(quote(&"é".repeat(70_000)).chars().count(), 201);
    }

    #[test]
    fn withholds_what_looks_like_a_secret() {
        for secret in [
            "Bearer ghs_0123",
            "x eyJhbGciOi",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(!quote(secret).contains("0123") && quote(secret).starts_with("(withheld"));
        }
    }
}
