//! GitHub's REST API over the world: reads only, and the few writes that an App makes.

mod answer;
mod app;
mod archive;
mod git;
mod hooks;
mod pipeline;
mod refs;
mod registration;
mod repositories;
mod route;
mod server;

pub(super) use answer::Answer;
pub(super) use server::{Listening, listen};

use std::collections::BTreeMap;

/// One request, as far as GitHub looks at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// How the client reached this server: what links in answers begin with.
    pub(super) base: String,
    pub(super) authorization: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// What follows the scheme in `Authorization`.
    fn credentials(&self) -> Option<&str> {
        let (_, credentials) = self.authorization.as_deref()?.split_once(' ')?;
        Some(credentials)
    }

    fn parameters(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The fields of a form that was posted.
    fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.parameters().get(name)?.parse().ok()
    }

    fn accepts(&self, what: &str) -> bool {
        self.accept.as_deref().is_some_and(|a| a.contains(what))
    }
}

/// One page of a list, and the `Link` header that leads on.
struct Page<T> {
    items: Vec<T>,
    link: Option<String>,
}

impl<T> Page<T> {
    /// GitHub pages: 30 unless asked, at most 100.
    fn of(asked: &Asked, path: &str, all: Vec<T>) -> Self {
        let per_page = asked.number("per_page").unwrap_or(30).clamp(1, 100);
        let page = asked.number("page").unwrap_or(1).max(1);
        let last = all.len().div_ceil(per_page).max(1);
        let to = |page: usize, rel: &str| {
            let base = &asked.base;
            format!("<{base}{path}?per_page={per_page}&page={page}>; rel=\"{rel}\"")
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(to((page - 1).min(last), "prev"));
        }
        if page < last {
            links.push(to(page + 1, "next"));
            links.push(to(last, "last"));
        }
        if page > 1 {
            links.push(to(1, "first"));
        }
        let items = all.into_iter().skip((page - 1) * per_page).take(per_page);
        Self {
            items: items.collect(),
            link: (!links.is_empty()).then(|| links.join(", ")),
        }
    }
}
