//! The client over HTTP: one request, one answer, and lists page by page.

use std::collections::VecDeque;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, LINK, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use super::failure::Failure;
use crate::serve::Http;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two parts of an answer. The service gives a request up after 10 seconds.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Items of one page: the most that the service gives.
const PAGE: usize = 100;

/// The service that a command asks.
#[derive(Debug)]
pub(in crate::cli) struct Api {
    /// With the path prefix, without a slash at its end.
    base: String,
    token: SecretString,
    /// For people: where the token is from. `None`: it is this process's own.
    token_from: Option<String>,
    http: reqwest::Client,
    /// The service is this process: it listens as long as somebody has this.
    _here: Option<Http>,
}

/// What the service answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Null: nothing was answered.
    pub(super) json: Value,
    headers: HeaderMap,
}

impl Api {
    pub(super) fn of_service(
        url: &Url,
        token: SecretString,
        token_from: String,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            token,
            token_from: Some(token_from),
            http: client().build()?,
            _here: None,
        })
    }

    pub(super) fn of_this_process(
        base: &str,
        token: SecretString,
        http: Http,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            base: base.to_owned(),
            token,
            token_from: None,
            http: client().no_proxy().build()?,
            _here: Some(http),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(self.send(Method::GET, path, None).await?.json)
    }

    /// The same, of what may not be there.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.get(path).await {
            Err(failure) if failure.is("not-found") => Ok(None),
            found => found.map(Some),
        }
    }

    pub(super) async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        Ok(self.send(Method::POST, path, body).await?.json)
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(Method::DELETE, path, None).await.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let response = self.raw(method, path, body).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await;
        let bytes = bytes.map_err(|error| Failure::of_transport(&self.base, &error))?;
        let json = match bytes.as_ref() {
            b"" => Value::Null,
            json => {
                serde_json::from_slice(json).map_err(|_| Failure::not_ours(&self.base, status))?
            }
        };
        Ok(Answer {
            status,
            json,
            headers,
        })
    }

    /// The answer before its body is read, if it is a good one.
    pub(super) async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, Failure> {
        let url = format!("{}{path}", self.base);
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| Failure::of_transport(&self.base, &error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    async fn refusal(&self, response: Response) -> Failure {
        let status = response.status();
        if status.is_redirection() {
            let location = text(response.headers(), &reqwest::header::LOCATION).unwrap_or_default();
            return Failure::elsewhere(&self.base, status, &location);
        }
        let retry_after = text(response.headers(), &RETRY_AFTER);
        let wait = retry_after.and_then(|seconds| seconds.parse().ok());
        let bytes = response.bytes().await.unwrap_or_default();
        let from = self.token_from.as_deref();
        Failure::of_answer(
            &self.base,
            from,
            status,
            wait.map(Duration::from_secs),
            &bytes,
        )
    }

    /// A list from its first page on.
    pub(super) fn list(&self, query: Query) -> Pages<'_> {
        self.lists([query])
    }

    /// Several, one after the other.
    pub(super) fn lists(&self, queries: impl IntoIterator<Item = Query>) -> Pages<'_> {
        let pages = queries.into_iter().map(|query| (query.path(), None));
        Pages {
            api: self,
            next: pages.collect(),
            within: None,
        }
    }
}

impl Answer {
    /// The cursor's query of the page that follows.
    fn next(&self) -> Option<String> {
        let link = text(&self.headers, &LINK)?;
        let (url, _) = link.strip_prefix('<')?.split_once(">; rel=\"next\"")?;
        let (_, query) = url.split_once('?')?;
        Some(query.to_owned())
    }
}

fn text(headers: &HeaderMap, name: &reqwest::header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("bindery/", env!("CARGO_PKG_VERSION")))
        // A token must not leave the service that it is for.
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // The service closes idle connections after 5 s.
        .pool_idle_timeout(Duration::from_secs(2))
}

/// Where lists are, and what they are narrowed to.
#[derive(Debug, Clone)]
pub(super) struct Query {
    path: String,
    pairs: Vec<(&'static str, String)>,
}

impl Query {
    pub(super) fn of(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            pairs: Vec::new(),
        }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.pairs
            .extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// In pages of what is wanted, or of the most that there may be in one.
    #[must_use]
    pub(super) fn paged(self, limit: Option<usize>) -> Self {
        let page = limit.map_or(PAGE, |limit| limit.clamp(1, PAGE));
        self.with("limit", Some(page))
    }

    pub(super) fn path(&self) -> String {
        if self.pairs.is_empty() {
            return self.path.clone();
        }
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.pairs);
        format!("{}?{}", self.path, query.finish())
    }
}

/// A list, read as far as somebody asks for it.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    api: &'a Api,
    /// What is still to be read: a path, and the query of a page that is not the first.
    next: VecDeque<(String, Option<String>)>,
    /// The field that the items are in, where the answer is no list by itself.
    within: Option<&'static str>,
}

impl Pages<'_> {
    #[must_use]
    pub(super) fn within(mut self, field: &'static str) -> Self {
        self.within = Some(field);
        self
    }

    /// The items of the next page; `None`: there is none.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Value>>, Failure> {
        let Some((first, query)) = self.next.pop_front() else {
            return Ok(None);
        };
        let path = first.split('?').next().unwrap_or_default();
        let page = match &query {
            Some(query) => format!("{path}?{query}"),
            None => first.clone(),
        };
        let mut answer = self.api.send(Method::GET, &page, None).await?;
        // Its address may be one that only others reach; its query is what counts.
        if let Some(query) = answer.next() {
            self.next.push_front((first, Some(query)));
        }
        let items = match self.within {
            Some(field) => answer.json.get_mut(field).map(Value::take),
            None => Some(answer.json.take()),
        };
        match items {
            Some(Value::Array(items)) => Ok(Some(items)),
            _ => Err(Failure::not_ours(&self.api.base, answer.status)),
        }
    }

    pub(super) fn has_more(&self) -> bool {
        !self.next.is_empty()
    }

    /// All of them. For lists that are known to be short.
    pub(super) async fn all(mut self) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        while let Some(mut page) = self.next().await? {
            all.append(&mut page);
        }
        Ok(all)
    }
}

/// What stands for itself within a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A path, or a part of one, as it stands in a URL.
pub(super) fn encode(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded() {
        let query = Query::of("/jobs")
            .with("kind", Some("a b&c"))
            .with("state", None::<&str>)
            .paged(Some(1000));
        assert_eq!(query.path(), "/jobs?kind=a+b%26c&limit=100");
        assert_eq!(Query::of("/orgs").path(), "/orgs");
        assert_eq!(Query::of("/orgs").paged(Some(7)).path(), "/orgs?limit=7");
    }

    #[test]
    fn the_next_page_is_the_services_wherever_its_link_leads() {
        let link = "<https://elsewhere.example/x/jobs?limit=2&cursor=abc>; rel=\"next\"";
        let mut headers = HeaderMap::new();
        headers.insert(LINK, link.parse().expect("a header"));
        let answer = Answer {
            status: StatusCode::OK,
            json: Value::Null,
            headers,
        };
        assert_eq!(answer.next().as_deref(), Some("limit=2&cursor=abc"));
    }

    #[test]
    fn a_path_is_encoded_and_its_slashes_are_kept() {
        assert_eq!(encode("a b/ü+%.txt"), "a%20b/%C3%BC%2B%25.txt");
    }
}
