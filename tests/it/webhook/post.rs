//! A delivery as GitHub sends it, or nearly.

use bindery::github::signature::WebhookSecret;
use serde_json::Value;

use super::wire::{Answer, Wire};
use crate::support::{APP_ID, SECRET, World};

pub const PATH: &str = "/webhooks/github";
const SIGNATURE: &str = "X-Hub-Signature-256";

#[derive(Debug, Clone)]
pub struct Post {
    headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Post {
    /// An event with a GUID that no other has, signed.
    pub fn new(event: &str, body: impl Into<Vec<u8>>) -> Self {
        let post = Self {
            headers: Vec::new(),
            body: body.into(),
        };
        post.with("Content-Type", "application/json")
            .with("User-Agent", "GitHub-Hookshot/8a3f21c")
            .with("X-GitHub-Delivery", new_guid())
            .with("X-GitHub-Event", event)
            .with("X-GitHub-Hook-ID", "482613907")
            .with("X-GitHub-Hook-Installation-Target-ID", APP_ID.to_string())
            .with("X-GitHub-Hook-Installation-Target-Type", "integration")
            .signed_with(SECRET)
    }

    /// A push to a repository that nobody bound.
    pub fn push() -> Self {
        Self::new("push", include_str!("../../../fixtures/webhooks/push.json"))
    }

    /// The push with a field of its payload changed, as `/repository/id`.
    pub fn push_with(pointer: &str, value: Value) -> Self {
        let fixture = include_str!("../../../fixtures/webhooks/push.json");
        let mut payload: Value = serde_json::from_str(fixture).expect("JSON");
        *payload.pointer_mut(pointer).expect(pointer) = value;
        Self::new("push", payload.to_string())
    }

    /// A real one of the simulator's.
    pub fn of_github(world: &World, guid: &bindery::simulator::Guid) -> Self {
        let (headers, body) = world.github.raw(guid);
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        Self { headers, body }
    }

    /// In place of what the header was.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).and(name, value)
    }

    /// Beside what there is.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    #[must_use]
    pub fn unsigned(self) -> Self {
        self.without(SIGNATURE)
    }

    #[must_use]
    pub fn signed_with(self, secret: &str) -> Self {
        let secret = WebhookSecret::new(secret).expect("a good secret");
        let signature = secret.sign(&self.body);
        self.signature(signature)
    }

    #[must_use]
    pub fn signature(self, value: impl Into<Vec<u8>>) -> Self {
        self.with(SIGNATURE, value)
    }

    #[must_use]
    pub fn form(mut self) -> Self {
        let encoded: String = url::form_urlencoded::byte_serialize(&self.body).collect();
        self.body = format!("payload={encoded}").into_bytes();
        self.with("Content-Type", "application/x-www-form-urlencoded")
            .signed_with(SECRET)
    }

    #[must_use]
    pub fn with_new_guid(self) -> Self {
        self.with("X-GitHub-Delivery", new_guid())
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        std::str::from_utf8(&value.expect(name).1).expect("text")
    }

    pub fn guid(&self) -> &str {
        self.header("X-GitHub-Delivery")
    }

    pub fn digest(&self) -> &str {
        let signature = self.header(SIGNATURE);
        signature.strip_prefix("sha256=").expect("a signature")
    }

    /// The head, with what it says about the body.
    pub fn head(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("POST {PATH} HTTP/1.1\r\nHost: bindery.example\r\n").into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(framing.as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        head
    }

    /// The whole request.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&format!("Content-Length: {}", self.body.len()));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub async fn send(&self, world: &World) -> Answer {
        self.send_on(connect(world).await).await
    }

    pub async fn send_on(&self, mut wire: Wire) -> Answer {
        // A refusal may come before all was sent.
        let _ = wire.try_send(&self.bytes()).await;
        wire.answer().await
    }
}

pub async fn connect(world: &World) -> Wire {
    let url: url::Url = world.api.url(PATH).parse().expect("a URL");
    Wire::connect(&url[url::Position::BeforeHost..url::Position::AfterPort]).await
}

fn new_guid() -> String {
    format!("{:032x}", rand::random::<u128>())
}
