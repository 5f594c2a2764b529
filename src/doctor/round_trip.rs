//! The webhook's secret, by the one proof that there is: a delivery that GitHub sends arrives, and is taken. An
//! App cannot ask for a ping; so the newest delivery that GitHub lists is sent once more, which changes nothing
//! where it had arrived before.

use std::collections::BTreeSet;

use tokio::time::{Duration, Instant, sleep};

use super::Options;
use super::app::Patient;
use super::report::{Found, told};
use crate::db::{Db, DbError};
use crate::github::GitHubError;
use crate::github::client::HookDelivery;
use crate::{github_app, inbox};

/// Between two looks at GitHub's list.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn look(patient: &Patient<'_>, db: Option<&Db>, options: &Options) -> Found {
    match patient.github.hook_config().await {
        Ok(hook) if hook.secret.is_none() => {
            return Found::wrong("the webhook has no secret: what it sends is not signed");
        }
        Ok(_) => {}
        Err(error) => return Found::unanswered(&error),
    }
    let (true, Some(db)) = (options.round_trip, db) else {
        return Found::not_made("not tried, as was asked for");
    };
    match send_again(patient, options).await {
        Ok(Sent::Nothing) => Found::not_made(
            "GitHub lists no delivery of the last days to send again: install the App somewhere or push to \
             what it covers, and ask once more",
        ),
        Ok(Sent::NotYet(delivery)) => Found::wrong(format!(
            "GitHub has not sent {} again within {} s",
            delivery.guid,
            options.patience.as_secs()
        )),
        Ok(Sent::Again(attempt)) => match is_stored(patient, &attempt, db).await {
            Ok(stored) => judge(&attempt, stored),
            Err(error) => Found::wrong(error.to_string()),
        },
        Err(error) => Found::wrong(format!("GitHub did not send one again: {}", told(&error))),
    }
}

enum Sent {
    Nothing,
    NotYet(HookDelivery),
    /// As GitHub lists the new attempt.
    Again(HookDelivery),
}

async fn send_again(patient: &Patient<'_>, options: &Options) -> Result<Sent, GitHubError> {
    let github = &patient.github;
    let listed = github.hook_deliveries(None).await?.deliveries;
    let before: BTreeSet<i64> = listed.iter().map(|attempt| attempt.id).collect();
    let Some(newest) = listed.into_iter().next() else {
        return Ok(Sent::Nothing);
    };
    github.redeliver(newest.id).await?;
    let deadline = Instant::now() + options.patience;
    while Instant::now() < deadline {
        let listed = github.hook_deliveries(None).await?.deliveries;
        let is_new =
            |attempt: &HookDelivery| attempt.guid == newest.guid && !before.contains(&attempt.id);
        if let Some(attempt) = listed.into_iter().find(is_new) {
            return Ok(Sent::Again(attempt));
        }
        sleep(LOOK).await;
    }
    Ok(Sent::NotYet(newest))
}

async fn is_stored(
    patient: &Patient<'_>,
    attempt: &HookDelivery,
    db: &Db,
) -> Result<bool, DbError> {
    let mut conn = db.read().await?;
    let settings = patient.settings;
    let row = github_app::find(&settings.host, settings.app_id, &mut conn).await?;
    let rows: Vec<_> = row.into_iter().collect();
    let found = inbox::of_guid(&attempt.guid, &rows, &mut conn).await?;
    Ok(!found.is_empty())
}

fn judge(attempt: &HookDelivery, stored: bool) -> Found {
    let HookDelivery {
        guid,
        event,
        status_code,
        ..
    } = attempt;
    match *status_code {
        200..=299 if stored => Found::fine(format!("{event} {guid} was sent again, and arrived")),
        200..=299 => Found::wrong(format!(
            "{guid} was answered {status_code}, and is not in this database"
        ))
        .with_fix("Another service answers at the webhook's URL, or this one with another database: correct the URL on the App's page, or `DATABASE_URL`."),
        401 => Found::wrong(format!("{guid} was answered 401: its signature is not by our secret"))
            .with_fix("Set the same secret on the App's page and as `GITHUB_WEBHOOK_SECRET`, and restart; the one before can stay as `GITHUB_WEBHOOK_SECRET_PREVIOUS`."),
        0 => Found::wrong(format!("{guid} did not arrive: GitHub says {:?}", attempt.status))
            .with_fix("Start `bindery serve`, and see that the webhook's URL leads to it from the internet: DNS, proxy or tunnel, firewall, certificate."),
        300..=399 => Found::wrong(format!("{guid} was answered {status_code}, a redirect that GitHub does not follow"))
            .with_fix("Set the URL that it redirects to on the App's page."),
        404 | 405 => Found::wrong(format!("{guid} was answered {status_code}: no webhook of Bindery's is there"))
            .with_fix("Correct the webhook's URL, `BINDERY_PATH_PREFIX`, or the proxy's path; a process with `--no-receiver` takes none."),
        503 => Found::wrong(format!("{guid} was answered 503: the service has no App, or no database"))
            .with_fix("Start `bindery serve` with these settings, and look at its `/readyz`."),
        _ => Found::wrong(format!("{guid} was answered {status_code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status_code: i64) -> HookDelivery {
        HookDelivery {
            id: 1,
            guid: "0f3c1d2e".to_owned(),
            delivered_at: chrono::DateTime::UNIX_EPOCH,
            redelivery: true,
            status: "failed to connect to host".to_owned(),
            status_code,
            event: "push".to_owned(),
            action: None,
            installation_id: None,
            repository_id: None,
            throttled_at: None,
        }
    }

    #[test]
    fn each_answer_has_its_own_words_and_fix() {
        for (status, words) in [
            (0, "firewall"),
            (302, "redirects to"),
            (401, "same secret"),
            (404, "PATH_PREFIX"),
            (503, "readyz"),
            (500, "GITHUB_WEBHOOK_SECRET"),
        ] {
            let fix = match judge(&answered(status), false) {
                Found::Wrong { fix: Some(fix), .. } => fix,
                Found::Wrong { fix: None, .. } => {
                    super::super::Code::WebhookSecret.fix().to_owned()
                }
                other => panic!("{status}: {other:?}"),
            };
            assert!(fix.contains(words), "{status}: {fix}");
        }
        assert!(matches!(judge(&answered(202), true), Found::Fine(_)));
        assert!(matches!(judge(&answered(202), false), Found::Wrong { .. }));
    }
}
