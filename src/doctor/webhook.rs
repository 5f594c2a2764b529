//! The App's webhook as GitHub has it.

use std::future::ready;

use super::app::Patient;
use super::code::Code;
use super::report::{Findings, Found};
use crate::github::GitHubError;
use crate::github::client::HookConfig;
use crate::github::needed::WEBHOOK_PATH;

/// One opinion of it.
type Judge = fn(&HookConfig) -> Found;

pub(super) async fn look(patient: &Patient<'_>, findings: &mut Findings) {
    let of = Some(patient.label);
    if !findings.is_fine(Code::AppKey, of) {
        return;
    }
    let hook = match patient.github.hook_config().await {
        // An App without a webhook has none to show.
        Err(GitHubError::NotFound) => Ok(HookConfig::default()),
        hook => hook,
    };
    let judged = |judge: Judge| match &hook {
        Ok(hook) => judge(hook),
        Err(error) => Found::unanswered(error),
    };
    let checks: [(Code, Judge); 3] = [
        (Code::WebhookUrl, url),
        (Code::WebhookContentType, content_type),
        (Code::WebhookTls, tls),
    ];
    for (code, judge) in checks {
        findings.check(code, of, ready(judged(judge))).await;
    }
}

fn url(hook: &HookConfig) -> Found {
    let url = hook.url.as_str();
    if url.is_empty() {
        return Found::wrong("none is set: GitHub sends nothing");
    }
    match url.trim_end_matches('/').ends_with(WEBHOOK_PATH) {
        true if url.ends_with('/') => Found::wrong(format!("{url} ends in a slash too many")),
        true => Found::fine(url),
        false => Found::wrong(format!("GitHub sends to {url}, which is none of Bindery's")),
    }
}

fn content_type(hook: &HookConfig) -> Found {
    match hook.content_type.as_str() {
        "json" => Found::fine("application/json"),
        other => Found::wrong(format!("it is {other:?}")),
    }
}

fn tls(hook: &HookConfig) -> Found {
    match hook.insecure_ssl.as_str() {
        "0" | "" => Found::fine("verification is on"),
        _ => Found::wrong("verification is off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> Found {
        url_of(&HookConfig {
            url: url.to_owned(),
            ..HookConfig::default()
        })
    }

    fn url_of(hook: &HookConfig) -> Found {
        url(hook)
    }

    #[test]
    fn a_url_leads_to_the_webhook_or_nowhere() {
        for good in [
            "https://bindery.example/webhooks/github",
            "https://x.example/docverse/webhooks/github",
        ] {
            assert_eq!(with_url(good), Found::fine(good));
        }
        for bad in [
            "",
            "https://bindery.example",
            "https://bindery.example/webhooks/github/",
            "https://bindery.example/webhooks/github?x=1",
        ] {
            assert!(matches!(with_url(bad), Found::Wrong { .. }), "{bad}");
        }
    }
}
