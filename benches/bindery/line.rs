//! One keep-alive connection of a sender's, with as little work as there can be: it shares the machine
//! with what is measured.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Buf;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::app;
use crate::body::Push;
use crate::guid::{self, Guid};
use crate::load::Mix;

/// More than any answer has.
const ANSWER: usize = 4096;
/// Every so-manieth is another one than the rest, where some are.
const EVERY: u64 = 10;

pub struct Line {
    stream: TcpStream,
    pushes: Arc<[Push]>,
    head: Head,
    answer: Vec<u8>,
    random: StdRng,
    mix: Mix,
    sent: u64,
    last: Option<Post>,
}

/// One POST.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    pub guid: Guid,
    pub kind: Kind,
    push: usize,
}

/// What it has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    New,
    /// Acknowledged before.
    Duplicate,
    BadlySigned,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    AsItShould,
    /// 503: not stored, and to be sent again.
    Refused,
    Wrong(String),
}

impl Kind {
    fn judge(self, answer: &Answer<'_>) -> Outcome {
        let (status, end) = match self {
            Self::New => (202, "\"received\"}"),
            Self::Duplicate => (202, "\"duplicate\"}"),
            Self::BadlySigned => (401, ""),
        };
        if answer.status == status && answer.body.ends_with(end.as_bytes()) {
            return Outcome::AsItShould;
        }
        if answer.status == 503 {
            return Outcome::Refused;
        }
        let body = String::from_utf8_lossy(answer.body);
        Outcome::Wrong(format!("{self:?} answered {} {body}", answer.status))
    }
}

impl Line {
    /// Must be called where its requests are sent.
    pub fn new(stream: std::net::TcpStream, pushes: Arc<[Push]>, mix: Mix) -> anyhow::Result<Self> {
        let address = stream.peer_addr()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream)?,
            head: Head::of_a_push_to(address),
            pushes,
            answer: Vec::with_capacity(ANSWER),
            random: StdRng::from_rng(&mut rand::rng()),
            mix,
            sent: 0,
            last: None,
        })
    }

    /// What is sent next.
    pub fn draw(&mut self) -> Post {
        self.sent += 1;
        let fresh = Post {
            guid: Guid::random(&mut self.random),
            kind: Kind::New,
            push: usize::try_from(self.sent).unwrap_or(0) % self.pushes.len(),
        };
        let is_another = self.sent.is_multiple_of(EVERY);
        let next = match (self.mix, self.last) {
            (Mix::Duplicates, Some(last)) if is_another => Post {
                kind: Kind::Duplicate,
                ..last
            },
            (Mix::BadSignatures, _) if is_another => Post {
                kind: Kind::BadlySigned,
                ..fresh
            },
            _ => fresh,
        };
        self.last = Some(next);
        next
    }

    /// # Errors
    /// When there is no answer; then there will be none to another one either.
    pub async fn send(&mut self, post: &Post) -> anyhow::Result<Outcome> {
        let push = &self.pushes[post.push];
        let signer = match post.kind {
            Kind::New | Kind::Duplicate => push,
            // Good, of another body.
            Kind::BadlySigned => &self.pushes[(post.push + 1) % self.pushes.len()],
        };
        self.head.fill(post.guid, push, signer);
        let head = self.head.bytes.as_slice();
        let mut request = Buf::chain(head, push.body.as_slice());
        self.stream.write_all_buf(&mut request).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            anyhow::ensure!(read > 0, "the server hung up");
            if let Some(answer) = Answer::parse(&self.answer)? {
                return Ok(post.kind.judge(&answer));
            }
            self.answer.reserve(ANSWER);
        }
    }
}

/// What stands before the body, as GitHub writes it, with the places that change.
struct Head {
    bytes: Vec<u8>,
    guid: Range<usize>,
    sha1: Range<usize>,
    sha256: Range<usize>,
    length: Range<usize>,
}

impl Head {
    fn of_a_push_to(address: SocketAddr) -> Self {
        let mut head = Self {
            bytes: Vec::with_capacity(1024),
            guid: 0..0,
            sha1: 0..0,
            sha256: 0..0,
            length: 0..0,
        };
        let (id, hook) = (app::ID, app::HOOK_ID);
        head.text(&format!(
            "POST /webhooks/github HTTP/1.1\r\nHost: {address}\r\n"
        ));
        head.text("Accept: */*\r\nContent-Type: application/json\r\n");
        head.text("User-Agent: GitHub-Hookshot/8a3f21c\r\nX-GitHub-Delivery: ");
        head.guid = head.hole(guid::LENGTH);
        head.text(&format!(
            "\r\nX-GitHub-Event: push\r\nX-GitHub-Hook-ID: {hook}\r\n"
        ));
        head.text(&format!("X-GitHub-Hook-Installation-Target-ID: {id}\r\n"));
        head.text("X-GitHub-Hook-Installation-Target-Type: integration\r\nX-Hub-Signature: sha1=");
        head.sha1 = head.hole(40);
        head.text("\r\nX-Hub-Signature-256: sha256=");
        head.sha256 = head.hole(64);
        head.text("\r\nContent-Length: ");
        head.length = head.hole(4);
        head.text("\r\n\r\n");
        head
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn hole(&mut self, length: usize) -> Range<usize> {
        let begin = self.bytes.len();
        self.bytes.resize(begin + length, b'0');
        begin..self.bytes.len()
    }

    fn fill(&mut self, guid: Guid, push: &Push, signer: &Push) {
        guid.write(&mut self.bytes[self.guid.clone()]);
        self.bytes[self.sha1.clone()].copy_from_slice(signer.sha1.as_bytes());
        self.bytes[self.sha256.clone()].copy_from_slice(signer.sha256.as_bytes());
        self.bytes[self.length.clone()].copy_from_slice(push.length.as_bytes());
    }
}
