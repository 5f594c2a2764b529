//! An answer of HTTP/1.1, as far as it has to be understood: status, length, body.

use anyhow::Context as _;

/// One whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// `None` while some of it is to come.
    pub fn parse(bytes: &'a [u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let (head, body) = (&bytes[..end], &bytes[end + 4..]);
        let length = length(head)?;
        if body.len() < length {
            return Ok(None);
        }
        anyhow::ensure!(body.len() == length, "more than one answer to a request");
        let status = status(head)?;
        Ok(Some(Self { status, body }))
    }
}

/// `HTTP/1.1 202 Accepted`
fn status(head: &[u8]) -> anyhow::Result<u16> {
    let digits = head.get(9..12).filter(|_| head.starts_with(b"HTTP/1.1 "));
    number(digits).context("an answer that is none of HTTP/1.1")
}

fn length(head: &[u8]) -> anyhow::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    let value = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value)
    });
    number(value).context("an answer that does not say how long it is")
}

fn number<T: std::str::FromStr>(digits: Option<&[u8]>) -> Option<T> {
    std::str::from_utf8(digits?).ok()?.trim().parse().ok()
}
