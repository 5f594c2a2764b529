//! The service's HTTP API, as any client of it sees it.

use anyhow::{Context as _, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::LINK;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::Value;

/// What stands for itself within a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Debug)]
pub(super) struct Api {
    http: reqwest::Client,
    base_url: String,
    token: String,
}

/// One entry of `GET …/files`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PublishedFile {
    pub(super) path: String,
    pub(super) mode: String,
    pub(super) sha: String,
    /// Why it has no bytes: `symlink` or `submodule`.
    pub(super) skipped: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Files {
    files: Vec<PublishedFile>,
}

impl Api {
    pub(super) fn new(base_url: &str, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            base_url: base_url.to_owned(),
            token: token.to_owned(),
        })
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base_url);
        let request = self.http.put(&url).json(body);
        Ok(self.send(request, &Method::PUT, path).await?.json().await?)
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base_url);
        Ok(self.fetch(&url).await?.json().await?)
    }

    /// All pages of what a binding holds.
    pub(super) async fn files(&self, binding: &str) -> anyhow::Result<Vec<PublishedFile>> {
        let mut files = Vec::new();
        let mut next = Some(format!("{}{binding}/files?limit=100", self.base_url));
        while let Some(url) = next {
            let answer = self.fetch(&url).await?;
            let link = answer
                .headers()
                .get(LINK)
                .and_then(|link| link.to_str().ok());
            next = link.and_then(next_page).map(str::to_owned);
            files.extend(answer.json::<Files>().await?.files);
        }
        Ok(files)
    }

    /// The bytes of one file that a binding holds.
    pub(super) async fn file(&self, binding: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        let path = utf8_percent_encode(path, PATH);
        let url = format!("{}{binding}/files/{path}", self.base_url);
        Ok(self.fetch(&url).await?.bytes().await?.to_vec())
    }

    async fn fetch(&self, url: &str) -> anyhow::Result<Response> {
        self.send(self.http.get(url), &Method::GET, url).await
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        method: &Method,
        what: &str,
    ) -> anyhow::Result<Response> {
        let answer = request.bearer_auth(&self.token).send().await;
        let answer = answer.with_context(|| format!("{method} {what}"))?;
        let status = answer.status();
        if !status.is_success() {
            let said = answer.text().await.unwrap_or_default();
            bail!("{method} {what} was answered {status}: {said}");
        }
        Ok(answer)
    }
}

/// `<https://…>; rel="next"`
fn next_page(link: &str) -> Option<&str> {
    let (url, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("rel=\"next\"").then_some(url)
}
