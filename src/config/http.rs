use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytesize::ByteSize;
use url::Url;

use super::setting::settings;
use super::value::{Fault, Value};

settings! {
    /// The HTTP server.
    pub struct HttpConfig in "http" {
        /// The address that the server listens on; port 0 takes a free one.
        listen: SocketAddr = value "127.0.0.1:8080", "BINDERY_LISTEN", flag "listen";
        /// The path that all routes are under, `/docverse` for example; empty for none.
        path_prefix: PathPrefix = value "", "BINDERY_PATH_PREFIX", flag "path-prefix";
        /// What clients reach the server by, before the path prefix: the start of every link in an
        /// answer.
        public_url: Option<Url> = optional "http:// and the address listened on",
            "BINDERY_PUBLIC_URL";
        /// How long a client may take to send the head of a request.
        request_timeout: Duration = value "5s", "BINDERY_REQUEST_TIMEOUT", from "100ms" to "1m";
        /// How long requests and jobs under way may take to end when the process is told to stop.
        shutdown_timeout: Duration = value "30s", "BINDERY_SHUTDOWN_TIMEOUT", from "0s" to "10m";
        /// The largest body of an API request.
        max_body: ByteSize = value "1MiB", "BINDERY_MAX_BODY", from "1KiB" to "25MiB";
        /// Whether the console is served, at `/console`.
        console: bool = value "true", "BINDERY_CONSOLE";
        /// What files that are being read may hold together, beyond those of up to 64 KiB; half of it for
        /// one organisation. Further ones wait or are answered 503. A larger file than all of it is read
        /// when no other is.
        files_memory: ByteSize = value "128MiB", "BINDERY_FILES_MEMORY", from "1MiB" to "16GiB";
    }
}

impl HttpConfig {
    /// The start of links for a server that got the address `bound`: an unspecified one
    /// (`0.0.0.0`) is shown as the loopback, because a link to it leads nowhere.
    ///
    /// No slash at its end; the path prefix is part of it.
    pub fn base_url(&self, bound: SocketAddr) -> String {
        let origin = match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(bound)),
        };
        format!("{origin}{}", self.path_prefix)
    }
}

fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Empty, or a path that begins with a slash and does not end with one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathPrefix(String);

impl PathPrefix {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for PathPrefix {
    const EXPECTED: &'static str =
        "a path such as /docverse, of letters, digits and any of . _ ~ - between the slashes";

    fn parse(text: &str) -> Result<Self, Fault> {
        let path = text.trim_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
        let is_segment = |s: &str| !matches!(s, "" | "." | "..") && s.chars().all(is_plain);
        match path {
            "" => Ok(Self::default()),
            path if path.split('/').all(is_segment) => Ok(Self(format!("/{path}"))),
            _ => Err(Fault::Text),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_normalised_once() {
        let cases = [
            ("", ""),
            ("/", ""),
            ("docverse", "/docverse"),
            ("/docverse/", "/docverse"),
            ("/a/b.c_d~e-f", "/a/b.c_d~e-f"),
        ];
        for (text, expected) in cases {
            let prefix = PathPrefix::parse(text).expect(text);
            assert_eq!(prefix.as_str(), expected);
            assert_eq!(PathPrefix::parse(&prefix.show()), Ok(prefix));
        }
        for bad in ["/a//b", "/../a", "/a b", "/{org}", "/ü", "/a?b", "/a%2fb"] {
            assert_eq!(PathPrefix::parse(bad), Err(Fault::Text), "{bad}");
        }
    }

    #[test]
    fn an_unspecified_address_is_reached_by_the_loopback() {
        let cases = [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ];
        for (bound, expected) in cases {
            let bound = bound.parse().expect(bound);
            assert_eq!(reachable(bound).to_string(), expected);
        }
    }
}
