//! A browser without script: it keeps one cookie, follows no redirect by itself, and sends forms as it would.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

use crate::support::{Answer, Api, World};

pub struct Browser {
    client: Client,
    base: String,
    /// `name=value`.
    pub cookie: Option<String>,
}

/// A page as it came.
pub struct Page {
    pub answer: Answer,
}

impl Page {
    pub fn text(&self) -> String {
        String::from_utf8(self.answer.bytes.clone()).expect("a page in UTF-8")
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        Self {
            answer: self.answer.expect(status),
        }
    }

    /// Where it leads, below the service's address.
    pub fn location(&self) -> &str {
        self.answer.header("location")
    }

    #[track_caller]
    pub fn has(&self, text: &str) {
        let page = self.text();
        assert!(page.contains(text), "{text} is not in {page}");
    }

    #[track_caller]
    pub fn lacks(&self, text: &str) {
        let page = self.text();
        assert!(!page.contains(text), "{text} is in {page}");
    }
}

impl Browser {
    pub fn new(world: &World) -> Self {
        let client = Client::builder().no_proxy().redirect(Policy::none());
        Self {
            client: client.build().expect("a client"),
            base: world.api.url(""),
            cookie: None,
        }
    }

    pub async fn signed_in(world: &World, token: &str) -> Self {
        let mut browser = Self::new(world);
        let page = browser.sign_in(token, "").await.expect(303);
        let cookie = page.answer.header("set-cookie");
        let (pair, _) = cookie.split_once(';').expect("a cookie with attributes");
        browser.cookie = Some(pair.to_owned());
        browser
    }

    /// Sends the form where one signs in.
    pub async fn sign_in(&self, token: &str, next: &str) -> Page {
        let form = fields(&[("token", token), ("next", next)]);
        self.send_form(
            "/console/sign-in",
            form,
            &[("sec-fetch-site", "same-origin")],
        )
        .await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// A page, by its path below the console's.
    pub async fn get(&self, path: &str) -> Page {
        let request = self.request(Method::GET, &format!("/console{path}"));
        Page {
            answer: Api::answer(request).await,
        }
    }

    /// The key that this session's forms carry.
    pub async fn key(&self) -> String {
        let page = self.get("").await.expect(200).text();
        let (_, rest) = page.split_once("name=\"key\" value=\"").expect("a form");
        let (key, _) = rest.split_once('"').expect("its key");
        key.to_owned()
    }

    /// Presses a button.
    pub async fn press(&self, path: &str) -> Page {
        let form = fields(&[("key", &self.key().await)]);
        let from_here = [("sec-fetch-site", "same-origin")];
        self.send_form(&format!("/console{path}"), form, &from_here)
            .await
    }

    pub async fn send_form(&self, path: &str, form: String, headers: &[(&str, &str)]) -> Page {
        let mut request = self
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Page {
            answer: Api::answer(request).await,
        }
    }
}

pub fn fields(pairs: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).finish()
}
