//! I7 and I11: what the service's logs must not hold.

use std::io::{self, BufRead};

use secrecy::{ExposeSecret, SecretString};

use super::{Findings, Invariant, Rule};

const SECRET_SHOWN: Rule = Rule {
    invariant: Invariant::Secret,
    name: "secret_in_a_log",
    means: "A log has a secret in it, or what looks like one. It is not shown here.",
    remedy: "Revoke and replace it (docs/operations.md, Secrets), and delete the log.",
};

const PANICKED: Rule = Rule {
    invariant: Invariant::NoPanic,
    name: "panic_in_a_log",
    means: "The program met what it holds for impossible.",
    remedy: "Report it with the lines around it.",
};

/// A secret by its value.
#[derive(Debug, Clone)]
pub struct KnownSecret {
    /// What it is called in a finding.
    pub name: String,
    pub value: SecretString,
}

/// How a secret begins, which characters go on, and how many there are at least.
struct Shape {
    what: &'static str,
    begins: &'static str,
    at_least: usize,
}

const fn shape(what: &'static str, begins: &'static str, at_least: usize) -> Shape {
    Shape {
        what,
        begins,
        at_least,
    }
}

/// As GitHub documents its tokens; a JWT's header is base64 of `{"`; an RSA key's DER is base64 of 0x3082.
const SHAPES: [Shape; 10] = [
    shape("an installation token", "ghs_", 16),
    shape("a user's token", "ghu_", 16),
    shape("a personal token", "ghp_", 16),
    shape("an OAuth token", "gho_", 16),
    shape("a refresh token", "ghr_", 16),
    shape("a personal token", "github_pat_", 16),
    shape("a JWT", "eyJ", 24),
    shape("an API token", "bndr_", 16),
    shape("a private key", "-----BEGIN", 0),
    shape("a key or a certificate", "MII", 48),
];

/// Bytes of a line that are looked at together. What is longer is looked at in parts that overlap.
const WINDOW: usize = 1 << 20;

/// Longer than any secret that is looked for.
const OVERLAP: usize = 4 << 10;

/// Looks at every line of a log.
pub fn check_log(
    name: &str,
    mut log: impl BufRead,
    secrets: &[KnownSecret],
    findings: &mut Findings,
) -> io::Result<()> {
    let (mut number, mut line) = (1, Vec::new());
    loop {
        let read =
            io::Read::take(&mut log, (WINDOW - OVERLAP) as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            findings.looked_at("lines of logs", number - 1);
            return Ok(());
        }
        look_at(&line, &format!("{name}, line {number}"), secrets, findings);
        if line.ends_with(b"\n") {
            line.clear();
            number += 1;
        } else {
            line.drain(..line.len().saturating_sub(OVERLAP));
        }
    }
}

fn look_at(line: &[u8], place: &str, secrets: &[KnownSecret], findings: &mut Findings) {
    for secret in secrets {
        if contains(line, secret.value.expose_secret().as_bytes()) {
            findings.add(&SECRET_SHOWN, place, secret.name.as_str());
        }
    }
    for shape in SHAPES.iter().filter(|shape| shape.occurs_in(line)) {
        findings.add(&SECRET_SHOWN, place, shape.what);
    }
    if contains(line, b"panicked at") {
        findings.add(&PANICKED, place, "a panic");
    }
}

fn contains(line: &[u8], what: &[u8]) -> bool {
    !what.is_empty() && line.windows(what.len()).any(|window| window == what)
}

impl Shape {
    fn occurs_in(&self, line: &[u8]) -> bool {
        let begins = self.begins.as_bytes();
        let goes_on = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(byte);
        line.windows(begins.len())
            .enumerate()
            .filter(|(at, window)| *window == begins && !is_within_a_word(line, *at))
            .any(|(at, _)| {
                let rest = &line[at + begins.len()..];
                rest.iter().take_while(goes_on).count() >= self.at_least
            })
    }
}

fn is_within_a_word(line: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| line[before].is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(log: &str) -> Vec<(&'static str, String)> {
        let secrets = [KnownSecret {
            name: "THE_SECRET".to_owned(),
            value: "a known canary of the tests".into(),
        }];
        let mut findings = Findings::default();
        check_log("log", log.as_bytes(), &secrets, &mut findings).expect("a log in memory");
        findings
            .iter()
            .map(|finding| {
                (
                    finding.rule.name,
                    format!("{}: {}", finding.place, finding.what),
                )
            })
            .collect()
    }

    #[test]
    fn i7_a_known_secret_is_named_and_not_shown() {
        let said = found("good\n{\"x\":\"a known canary of the tests\"}\n");
        let place = "log, line 2: THE_SECRET".to_owned();
        assert_eq!(said, [("secret_in_a_log", place)]);
    }

    #[test]
    fn tokens_and_keys_are_known_by_their_shape() {
        let run = "x".repeat(60);
        for shape in &SHAPES {
            let line = format!("token={}{run}\n", shape.begins);
            assert_eq!(found(&line).len(), 1, "{}", shape.what);
            let word = format!("a{}{run}\n", shape.begins);
            assert_eq!(found(&word), [], "{}", shape.what);
        }
        assert_eq!(found("ghs_… eyJ bndr_ MIIE github_pat_\n"), []);
    }

    #[test]
    fn a_secret_is_seen_where_a_long_line_is_cut() {
        let begin = "-".repeat(WINDOW - OVERLAP - 10);
        let line = format!("{begin}a known canary of the tests\nnext\n");
        assert!(!found(&line).is_empty());
    }

    #[test]
    fn i11_a_panic_is_found() {
        let log = "thread 'main' panicked at src/x.rs:1:2:\nwhat\n";
        assert_eq!(
            found(log),
            [("panic_in_a_log", "log, line 1: a panic".to_owned())]
        );
    }
}
