//! Why the service did not do what was asked: one sentence, with what to change or to check.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

/// A refusal or a failure, for people; programs have the exit status.
#[derive(Debug)]
pub(super) struct Failure {
    /// The end of the problem's `type`; `None`: it was no answer of Bindery's.
    slug: Option<String>,
    says: String,
    /// After which it may be otherwise, where the service says so.
    wait: Option<Duration>,
}

/// RFC 9457, as far as it is read.
#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    problem_type: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

impl Failure {
    /// Whether it is a problem of this kind.
    pub(super) fn is(&self, slug: &str) -> bool {
        self.slug.as_deref() == Some(slug)
    }

    pub(super) fn wait(&self) -> Option<Duration> {
        self.wait
    }

    fn saying(says: String) -> Self {
        Self {
            slug: None,
            says,
            wait: None,
        }
    }

    /// The service answered something that is no success.
    pub(super) fn of_answer(
        base: &str,
        token_from: Option<&str>,
        status: StatusCode,
        wait: Option<Duration>,
        body: &[u8],
    ) -> Self {
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let problem = problem.and_then(|problem| {
            let slug = problem.problem_type.strip_prefix("/problems/")?.to_owned();
            Some((slug, problem))
        });
        let Some((slug, problem)) = problem else {
            return Self::not_ours(base, status);
        };
        let says = sentence(&slug, &problem, base, token_from);
        Self {
            slug: Some(slug),
            says,
            wait,
        }
    }

    /// Something answers there, and it is not Bindery.
    pub(super) fn not_ours(base: &str, status: StatusCode) -> Self {
        Self::saying(format!(
            "{base} answers ({}), but not as Bindery's API: check the URL, the path prefix at its end, and what stands in between",
            status.as_u16()
        ))
    }

    pub(super) fn elsewhere(base: &str, status: StatusCode, location: &str) -> Self {
        let location = plain(location.split('?').next().unwrap_or_default());
        Self::saying(format!(
            "{base} answers that it is elsewhere ({}, {location}), where the token is not sent: give the URL that it leads to",
            status.as_u16()
        ))
    }

    /// No answer came, or not all of it.
    pub(super) fn of_transport(base: &str, error: &reqwest::Error) -> Self {
        let cause = Cause::of(error);
        Self::saying(match cause {
            Cause::Refused => format!(
                "nothing listens at {base}: check that the service runs, and the URL and its port"
            ),
            Cause::Name(why) => format!(
                "the name in {base} leads nowhere: check the URL, and this machine's DNS ({why})"
            ),
            Cause::Tls(why) => format!(
                "no trusted connection to {base}: check that it is https:// there, the certificate, and for an authority of your own SSL_CERT_FILE ({why})"
            ),
            Cause::Late => {
                format!(
                    "{base} did not answer in time: check the service (/readyz) and the way to it"
                )
            }
            Cause::Other(why) => {
                format!("no answer from {base}: check the URL and the way to it ({why})")
            }
        })
    }
}

/// What a problem's detail does not know: by what the command asked.
fn sentence(slug: &str, problem: &Problem, base: &str, token_from: Option<&str>) -> String {
    let said = match problem.detail.is_empty() {
        true => plain(&problem.title),
        false => plain(&problem.detail),
    };
    match slug {
        "unauthorized" => {
            let from = token_from.unwrap_or("this process");
            format!(
                "the service refuses the token of {from}: it is another service's, or has expired, or was revoked; an admin makes another with `bindery tokens create`"
            )
        }
        "not-found" if said == "there is no such path" => format!(
            "{base} is Bindery and has no such path: check the path prefix at the end of the URL (BINDERY_PATH_PREFIX of the service), and whether it is of this version ({})",
            env!("CARGO_PKG_VERSION")
        ),
        _ => said,
    }
}

/// Others' words: none ends the line or moves the cursor.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

enum Cause {
    Refused,
    Name(String),
    Tls(String),
    Late,
    Other(String),
}

impl Cause {
    fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Late;
        }
        let mut last = String::new();
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(cause) = next {
            if let Some(known) = Self::known(cause) {
                return known;
            }
            // The first says the whole URL again.
            if cause.source().is_none() {
                last = plain(&cause.to_string());
            }
            next = cause.source();
        }
        Self::Other(last)
    }

    fn known(cause: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(Self::Tls(plain(&error.to_string())));
        }
        let text = cause.to_string();
        if text.contains("failed to lookup address") {
            return Some(Self::Name(plain(&text)));
        }
        let error = cause.downcast_ref::<std::io::Error>()?;
        if error.kind() == ErrorKind::ConnectionRefused {
            return Some(Self::Refused);
        }
        within(error)
    }
}

/// What is wrong with TLS, as an error of another kind hands it on: that is not among its sources.
fn within(error: &std::io::Error) -> Option<Cause> {
    let inner = error.get_ref()?;
    if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
        return Some(Cause::Tls(plain(&tls.to_string())));
    }
    within(inner.downcast_ref::<std::io::Error>()?)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://bindery.example/docverse";

    fn told(status: u16, body: &str) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        Failure::of_answer(BASE, Some("/run/token"), status, None, body.as_bytes())
    }

    #[test]
    fn a_problem_is_one_sentence_with_what_to_change() {
        let problem = |slug: &str, detail: &str| {
            format!(
                r#"{{"type": "/problems/{slug}", "title": "t", "status": 4, "detail": "{detail}"}}"#
            )
        };
        for (status, slug, detail, says) in [
            (
                401,
                "unauthorized",
                "send it",
                "refuses the token of /run/token",
            ),
            (
                403,
                "forbidden",
                "this needs the role admin",
                "this needs the role admin",
            ),
            (
                404,
                "not-found",
                "there is no such binding",
                "there is no such binding",
            ),
            (
                404,
                "not-found",
                "there is no such path",
                "check the path prefix",
            ),
            (422, "invalid-body", "title: one\\nline", "title: one line"),
            (409, "conflict", "", "t"),
        ] {
            let failure = told(status, &problem(slug, detail));
            assert!(failure.is(slug));
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }

    #[test]
    fn what_is_no_problem_is_not_binderys() {
        for body in [
            "",
            "<html>not found</html>",
            "{}",
            r#"{"type": "about:blank"}"#,
        ] {
            let said = told(404, body).to_string();
            assert!(
                said.contains("not as Bindery's API") && said.contains("404"),
                "{said}"
            );
        }
    }
}
