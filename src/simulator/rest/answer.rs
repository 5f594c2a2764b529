use serde::Serialize;
use serde_json::json;

/// What GitHub answers, before it meets a wire.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

pub(super) const JSON: &str = "application/json; charset=utf-8";

impl Answer {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("values with string keys always serialise");
        Self::bytes(status, JSON, body)
    }

    pub(crate) fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body,
        }
    }

    /// GitHub's way to say no (and a few times yes).
    pub(crate) fn message(status: u16, message: &str) -> Self {
        Self::json(
            status,
            &json!({
                "message": message,
                "documentation_url": "https://docs.github.com/rest",
                "status": status.to_string(),
            }),
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::message(404, "Not Found")
    }

    pub(crate) fn suspended() -> Self {
        Self::message(403, "This installation has been suspended")
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn link(self, link: Option<String>) -> Self {
        match link {
            Some(link) => self.header("link", link),
            None => self,
        }
    }
}
