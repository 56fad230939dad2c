//! Where a page came from, as browsers say it, and origins as they are named in a setting.
//!
//! Source: RFC 6454, section 6.2, and the WHATWG URL Standard.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::net::host::{HostPort, read_port};

/// Longest name of a host.
const LONGEST: usize = 253;

/// An origin that could be that of a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// `null`: of a sandboxed frame, or of a page whose origin the browser keeps to itself.
    Null,
    /// `file://`: of a page without a host, as apps around a web view have it.
    Hostless { scheme: String },
    Of {
        scheme: String,
        host: String,
        /// Where it is not the one that the scheme has by default.
        port: Option<u16>,
    },
}

/// What no origin is.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub(super) enum MalformedOrigin {
    /// There is no scheme.
    #[error("write it with its scheme, as in https://example.org; or * for all, null, file://")]
    Scheme,
    /// There is a path, a query, or a user.
    #[error("it ends with the host or the port, without a slash or a path")]
    Path,
    /// There is no such host.
    #[error(
        "its host is none that browsers send: write international names as xn--…, IPv4 as 127.0.0.1, IPv6 as [::1]"
    )]
    Host,
    /// There is no such port.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// A `*` elsewhere than for the first label of a name.
    #[error("a * stands for the first label of a host, as in https://*.example.org, or alone for all")]
    Wildcard,
}

impl Origin {
    /// Reads what a browser sends, or what a setting names.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, MalformedOrigin> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let (scheme, authority) = text.split_once("://").ok_or(MalformedOrigin::Scheme)?;
        if !is_scheme(scheme) {
            return Err(MalformedOrigin::Scheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        if authority.is_empty() && scheme == "file" {
            return Ok(Self::Hostless { scheme });
        }
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(MalformedOrigin::Path);
        }
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        let default = default_port(&scheme);
        let host = match default {
            Some(_) => web_host(&host),
            None => is_word(&host).then_some(host),
        };
        Ok(Self::Of {
            host: host.ok_or(MalformedOrigin::Host)?,
            port: port.filter(|port| Some(*port) != default),
            scheme,
        })
    }

    /// Whether a request that names this host came from a page of it. The scheme may differ, where a proxy ends TLS.
    pub(super) fn is_at(&self, named: &str) -> bool {
        let Self::Of { scheme, host, port } = self else {
            return false;
        };
        let Some(default) = default_port(scheme) else {
            return false;
        };
        HostPort::read(named, default).is_some_and(|place| {
            web_host(&place.host).as_ref() == Some(host) && place.port == port.unwrap_or(default)
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Hostless { scheme } => write!(f, "{scheme}://"),
            Self::Of { scheme, host, port } => {
                write!(f, "{scheme}://{host}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

/// Origins that a setting names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    Every,
    Exactly(Origin),
    /// `https://*.example.org`: this origin, with one label more before its host.
    LabelOf(Origin),
}

impl Pattern {
    /// Reads what a setting says.
    ///
    /// # Errors
    /// What is wrong with it, so that it would match nothing.
    pub(super) fn read(text: &str) -> Result<Self, MalformedOrigin> {
        if text == "*" {
            return Ok(Self::Every);
        }
        let Some((scheme, parent)) = text.split_once("://*.") else {
            return match text.contains('*') {
                true => Err(MalformedOrigin::Wildcard),
                false => Origin::read(text).map(Self::Exactly),
            };
        };
        if parent.contains('*') {
            return Err(MalformedOrigin::Wildcard);
        }
        match Origin::read(&format!("{scheme}://{parent}"))? {
            Origin::Of { host, .. } if is_address(&host) => Err(MalformedOrigin::Wildcard),
            parent => Ok(Self::LabelOf(parent)),
        }
    }

    pub(super) fn matches(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Every, _) => true,
            (Self::Exactly(named), origin) => named == origin,
            (Self::LabelOf(parent), Origin::Of { scheme, host, port }) => {
                host.split_once('.').is_some_and(|(_, above)| {
                    let above = Origin::Of {
                        scheme: scheme.clone(),
                        host: above.to_owned(),
                        port: *port,
                    };
                    above == *parent
                })
            }
            (Self::LabelOf(_), _) => false,
        }
    }
}

fn is_scheme(text: &str) -> bool {
    let mut letters = text.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || b"+-.".contains(&letter))
        && text.len() <= LONGEST
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), MalformedOrigin> {
    // The colons of an IPv6 address are within brackets.
    let host_end = match authority.starts_with('[') {
        true => authority.find(']').ok_or(MalformedOrigin::Host)? + 1,
        false => 0,
    };
    let Some(colon) = authority[host_end..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(host_end + colon);
    if port[1..].contains(':') {
        return Err(MalformedOrigin::Host);
    }
    match read_port(&port[1..]) {
        None | Some(0) => Err(MalformedOrigin::Port),
        port => Ok((host, port)),
    }
}

/// A host of a web page, in the one form in which browsers write it.
fn web_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    // A name may end with the root's dot, and is another origin then.
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_whole = host.len() <= LONGEST && labels.split('.').all(is_label);
    let is_number = labels
        .rsplit('.')
        .next()
        .is_some_and(|last| last.parse::<u64>().is_ok());
    let is_host = is_whole && (!is_number || host.parse::<Ipv4Addr>().is_ok());
    is_host.then(|| host.to_owned())
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

fn is_label(text: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"-_".contains(&letter);
    (1..=63).contains(&text.len()) && text.bytes().all(is_letter)
}

/// A host where it is the name of an app, or of an extension of a browser.
fn is_word(text: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        let origin = Origin::read(origin).unwrap_or_else(|error| panic!("{origin}: {error}"));
        Pattern::read(pattern).unwrap().matches(&origin)
    }

    #[test]
    fn an_origin_is_named_in_any_way_that_says_the_same() {
        for (named, sent) in [
            ("https://a.example", "https://a.example"),
            ("https://A.Example", "https://a.example"),
            ("HTTPS://a.example", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("https://a.example", "https://a.example:443"),
            ("https://a.example", "https://A.EXAMPLE"),
            ("http://a.example:8080", "http://a.example:8080"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
            ("http://[FE80::A]", "http://[fe80::a]"),
            ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
            ("https://under_score.example", "https://under_score.example"),
            ("https://a.example.", "https://a.example."),
            ("https://*.example.", "https://a.example."),
            ("null", "null"),
            ("file://", "file://"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("app://.", "app://."),
            ("*", "https://a.example"),
            ("*", "null"),
            ("*", "file://"),
        ] {
            assert!(matches(named, sent), "{named} is {sent}");
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        for (named, sent) in [
            ("https://a.example", "http://a.example"),
            ("https://a.example", "https://a.example:80"),
            ("https://a.example", "https://a.example:8443"),
            ("http://a.example", "http://a.example:443"),
            ("https://a.example", "https://b.example"),
            ("https://a.example", "https://a.example.org"),
            ("https://a.example", "https://a.example."),
            ("https://*.example", "https://a.example."),
            ("https://a.example", "null"),
            ("file://", "null"),
            ("null", "file://"),
            ("capacitor://localhost", "http://localhost"),
        ] {
            assert!(!matches(named, sent), "{named} is not {sent}");
        }
    }

    #[test]
    fn a_star_is_one_label_of_the_same_scheme_and_port() {
        for (named, sent) in [
            ("https://*.example.org", "https://a.example.org"),
            ("https://*.example.org", "https://A.Example.ORG:443"),
            ("https://*.Example.org:443", "https://a.example.org"),
            ("http://*.localhost:5173", "http://a.localhost:5173"),
            ("https://*.a.example.org", "https://b.a.example.org"),
        ] {
            assert!(matches(named, sent), "{named} is {sent}");
        }
        for sent in [
            "https://example.org",
            "https://a.b.example.org",
            "https://aexample.org",
            "https://a.example.org.evil.example",
            "https://a.example.com",
            "http://a.example.org",
            "https://a.example.org:8443",
            "null",
            "file://",
        ] {
            assert!(!matches("https://*.example.org", sent), "{sent}");
        }
    }

    #[test]
    fn what_would_match_nothing_is_said_to_be_wrong() {
        use MalformedOrigin::{Host, Path, Port, Scheme, Wildcard};
        for (named, wrong) in [
            ("", Scheme),
            ("example.org", Scheme),
            ("localhost:5173", Scheme),
            ("://a.example", Scheme),
            ("ht tp://a.example", Scheme),
            ("NULL", Scheme),
            ("https://a.example/", Path),
            ("https://a.example/page", Path),
            ("https://a.example?a", Path),
            ("https://me@a.example", Path),
            ("file:///", Path),
            ("https://", Host),
            ("https://a..example", Host),
            ("https://.", Host),
            ("https://a.example..", Host),
            ("http://127.0.0.1.", Host),
            ("https://a b.example", Host),
            ("https://münchen.example", Host),
            ("http://127.1", Host),
            ("http://1.2.3.256", Host),
            ("http://::1", Host),
            ("http://[::1", Host),
            ("http://[::g]", Host),
            ("http://[::1]a", Host),
            ("http://:80", Host),
            ("capacitor://", Host),
            ("https://a.example:", Port),
            ("https://a.example:0", Port),
            ("https://a.example:+443", Port),
            ("https://a.example:x", Port),
            ("https://a.example:65536", Port),
            ("http://localhost:*", Wildcard),
            ("https://*", Wildcard),
            ("https://a.*.example", Wildcard),
            ("https://*a.example", Wildcard),
            ("https://*.*.example", Wildcard),
            ("https://*.127.0.0.1", Wildcard),
            ("*://a.example", Wildcard),
            ("*.example.org", Wildcard),
            ("https://*.", Host),
        ] {
            assert_eq!(Pattern::read(named), Err(wrong), "{named}");
        }
    }

    #[test]
    fn a_page_is_of_the_host_that_it_asks_for() {
        let is_at = |origin: &str, host: &str| Origin::read(origin).unwrap().is_at(host);
        assert!(is_at("http://[::1]:3000", "[0:0::1]:3000"));
        assert!(is_at("https://a.example", "A.Example"));
        assert!(!is_at("https://a.example", "a.example:+443"));
        assert!(!is_at("file://", ""));
        assert!(!is_at("null", "null"));
        assert!(!is_at("capacitor://localhost", "localhost"));
    }
}
