//! The host and the port that a request or an origin names.
//!
//! Source: RFC 9110, section 7.2, and RFC 9112, section 3.2.

use http::{HeaderMap, Version, header::HOST, uri::Authority};

/// A host, in lower case, and a port.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HostPort {
    pub(super) host: String,
    pub(super) port: u16,
}

impl HostPort {
    /// Reads `host` or `host:port`, and nothing else: no browser names a page's host otherwise.
    pub(super) fn read(text: &str, default_port: u16) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let host = authority.host();
        if host.is_empty() {
            return None;
        }
        let port = match text.strip_prefix(host)? {
            "" | ":" => default_port,
            port => read_port(port.strip_prefix(':')?)?,
        };
        let host = host.to_ascii_lowercase();
        Some(Self { host, port })
    }
}

/// Reads a port: digits, and no sign before them.
pub(super) fn read_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Whether a request names its host as it must: once, but for clients of HTTP/1.0, and by a name. A server and a proxy
/// before it that take a different one of two hosts answer different questions.
pub(super) fn is_named(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
        // A target without an authority has an empty host.
        (Some(host), None) => {
            host.is_empty() || host.to_str().is_ok_and(|host| HostPort::read(host, 80).is_some())
        }
    }
}
