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

/// The longest unbroken word that is repeated: a sha's length. A token has 40 characters at least, and more
/// of them when it is encoded in whatever way.
const MAX_WORD: usize = 40;

fn looks_like_a_secret(text: &str) -> bool {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "+/=_%-\\".contains(c);
    SECRETS.iter().any(|secret| text.contains(secret))
        || text
            .split(|c| !is_of_word(c))
            .any(|word| word.len() > MAX_WORD)
}

/// `text` on one line, at most 200 characters, without control characters and without what looks like a secret.
pub(crate) fn quote(text: &str) -> String {
    if looks_like_a_secret(text) {
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
        let sha = "No commit found for SHA: e83c5163316f89bfbde7d9ab23ca2e25604af290";
        assert_eq!(quote(sha), sha);
        assert_eq!(quote("a\r\nb\u{1b}[31mc"), "a  b [31mc");
        assert_eq!(quote(&"é".repeat(70_000)).chars().count(), 201);
    }

    #[test]
    fn withholds_what_looks_like_a_secret() {
        for secret in [
            "Bearer ghs_0123",
            "x eyJhbGciOi",
            "-----BEGIN RSA PRIVATE KEY-----",
            "Z2hzXzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm",
            "Not \\u0067\\u0068\\u0073\\u005f\\u0030\\u0031\\u0032\\u0033",
            "Not ghs%5F0123456789abcdef0123456789abcdef0123",
        ] {
            assert!(!quote(secret).contains("0123") && quote(secret).starts_with("(withheld"));
        }
    }
}
