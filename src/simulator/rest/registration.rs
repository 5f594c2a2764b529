//! The pages on which a person registers an App, who is always signed in, and what a program fetches then.

use serde_json::json;
use url::Url;

use crate::simulator::payload::{self, timestamp};
use crate::simulator::registration::{Manifest, Registered};
use crate::simulator::world::World;

use super::route::Call;
use super::{Answer, Asked};

const HTML: &str = "text/html; charset=utf-8";

impl World {
    /// `…/settings/apps/new`: shows a manifest that is posted, and makes the App when that is confirmed.
    pub(super) fn register_page(&mut self, asked: &Asked, call: &Call) -> Result<Answer, Answer> {
        if !call.what.is_empty() && self.find_owner(&call.what).is_none() {
            return Err(page(404, "Page not found", ""));
        }
        let form = asked.form();
        let Some(written) = form.get("manifest") else {
            return Ok(page(200, "Register new GitHub App", ""));
        };
        let refused = |faults: &[String]| {
            let faults: String = faults
                .iter()
                .map(|fault| format!("<li>Error: {}</li>", escape(fault)))
                .collect();
            page(422, "Invalid GitHub App configuration", &faults)
        };
        let mut manifest: Manifest =
            serde_json::from_str(written).map_err(|error| refused(&[error.to_string()]))?;
        if let Some(name) = form.get("name") {
            manifest.name.clone_from(name);
        }
        let faults = self.faults_of(&manifest);
        if !faults.is_empty() {
            return Err(refused(&faults));
        }
        if !form.contains_key("create") {
            return Ok(confirmation(asked, written, &manifest));
        }
        let code = self
            .register(&manifest)
            .map_err(|error| Answer::message(500, &error.to_string()))?;
        let state = asked.parameters().remove("state");
        let redirect = redirect(&manifest, &code, state.as_deref());
        let to = redirect.ok_or_else(|| refused(&["Redirect url is no URL".to_owned()]))?;
        Ok(page(302, "Redirecting", "").header("location", to))
    }

    /// `POST /app-manifests/{code}/conversions`: nobody has to be anybody, the code is the secret.
    pub(super) fn conversion(&mut self, code: &str) -> Result<Answer, Answer> {
        let Registered { app, pem, .. } = self.convert(code).ok_or_else(Answer::not_found)?;
        let app = self.app(app);
        let mut shown = payload::fields(self.app_shown(app));
        shown.insert("pem".into(), pem.into());
        let secret = Some(&app.ledger.secret).filter(|secret| !secret.is_empty());
        shown.insert("webhook_secret".into(), json!(secret));
        let client_secret = hex::encode(rand::random::<[u8; 20]>());
        shown.insert("client_secret".into(), client_secret.into());
        shown.insert("updated_at".into(), timestamp(self.now()).into());
        Ok(Answer::json(201, &json!(shown)))
    }
}

/// The page with the button.
fn confirmation(asked: &Asked, written: &str, manifest: &Manifest) -> Answer {
    let query = match asked.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let form = format!(
        "<form method=\"post\" action=\"{}{}\">\
         <input type=\"hidden\" name=\"manifest\" value=\"{}\">\
         <input type=\"text\" name=\"name\" value=\"{}\">\
         <button name=\"create\" value=\"1\">Create GitHub App</button></form>",
        escape(&asked.path),
        escape(&query),
        escape(written),
        escape(&manifest.name),
    );
    page(200, "Create GitHub App", &form)
}

fn redirect(manifest: &Manifest, code: &str, state: Option<&str>) -> Option<String> {
    let to = manifest.redirect_url.as_ref().or(manifest.url.as_ref())?;
    let mut to: Url = to.parse().ok()?;
    to.query_pairs_mut().append_pair("code", code);
    if let Some(state) = state {
        to.query_pairs_mut().append_pair("state", state);
    }
    Some(to.into())
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    let title = escape(title);
    let page = format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
    );
    Answer::bytes(status, HTML, page.into_bytes())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
