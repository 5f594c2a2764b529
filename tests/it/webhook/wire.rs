//! HTTP/1.1 by hand: what no proper client can be brought to send.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Longer than any answer takes, so that a story cannot hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the service, and what came on it and was not looked at yet.
pub struct Wire {
    stream: TcpStream,
    come: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case, as they came.
    head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Wire {
    pub async fn connect(authority: &str) -> Self {
        Self {
            stream: TcpStream::connect(authority).await.expect("a listener"),
            come: Vec::new(),
        }
    }

    /// The same, from an address of one's own.
    pub async fn connect_from(local: SocketAddr, authority: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(local).expect("an address of this machine");
        let server = authority.parse().expect("an address");
        Self {
            stream: socket.connect(server).await.expect("a listener"),
            come: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.expect("the service listens on");
    }

    /// The service may hang up meanwhile.
    pub async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Nothing more will be sent.
    pub async fn finish(&mut self) {
        self.try_finish().await.expect("an open connection");
    }

    /// The service may have hung up.
    pub async fn try_finish(&mut self) -> std::io::Result<()> {
        self.stream.shutdown().await
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Answer {
        self.next().await.expect("an answer")
    }

    /// `None` when the service hung up instead.
    pub async fn next(&mut self) -> Option<Answer> {
        let end = loop {
            let end = self.come.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None if !self.more().await => return None,
                None => {}
            }
        };
        let head: Vec<u8> = self.come.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head in ASCII");
        let (first, rest) = head.split_once("\r\n").expect("a status line");
        let mut answer = Answer {
            status: first[9..12].parse().expect("a status"),
            head: rest.to_ascii_lowercase(),
            body: String::new(),
        };
        let length = answer.header("content-length").unwrap_or("0");
        let length: usize = length.parse().expect("a length");
        while self.come.len() < length && self.more().await {}
        let body = self.come.drain(..length.min(self.come.len())).collect();
        answer.body = String::from_utf8(body).expect("an answer in UTF-8");
        Some(answer)
    }

    /// Whether the service hangs up, without another word.
    pub async fn is_closed(&mut self) -> bool {
        !self.more().await && self.come.is_empty()
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes));
        match read.await.expect("an answer in time") {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.come.extend_from_slice(&bytes[..count]);
                true
            }
        }
    }
}
