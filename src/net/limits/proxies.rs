//! The client address behind a proxy. Any client can write the forwarding headers, so they are read from the last
//! entry, which the proxy wrote, back to the first that is not a trusted proxy.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

pub(super) fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// The client behind a trusted proxy. Where its headers name none, or `X-Forwarded-For` one and `Forwarded` another, so
/// that the client wrote one of them, it is the proxy itself.
pub(in crate::net) fn client(trusted: &[IpNet], proxy: IpAddr, headers: &HeaderMap) -> IpAddr {
    let entries = |name: &str| {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| value.to_str().unwrap_or_default());
        values
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect::<Vec<_>>()
    };
    let listed = entries(X_FORWARDED_FOR);
    let forwarded = entries(FORWARDED.as_str());
    let listed = last_untrusted(trusted, listed.into_iter());
    let forwarded = last_untrusted(trusted, forwarded.into_iter().map(forwarded_for));
    match (listed, forwarded) {
        (Some(one), Some(other)) if one != other => proxy,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => proxy,
    }
}

/// Whether the client behind a trusted proxy came to that by TLS, as the proxy's last word has it.
pub(super) fn is_secure(headers: &HeaderMap) -> bool {
    let last = |name: &str| {
        let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        value.rsplit(',').next().map(str::trim)
    };
    let protocol = last(X_FORWARDED_PROTO).or_else(|| parameter(last(FORWARDED.as_str())?, "proto"));
    protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("https"))
}

/// The last entry that is no trusted proxy, as far as there is nothing unreadable behind it; where all are trusted, the
/// first.
fn last_untrusted<'a>(
    trusted: &[IpNet],
    entries: impl DoubleEndedIterator<Item = &'a str>,
) -> Option<IpAddr> {
    let mut furthest = None;
    for entry in entries.rev() {
        furthest = Some(address(entry)?);
        if furthest.is_some_and(|address| !is_trusted(trusted, address)) {
            break;
        }
    }
    furthest
}

/// The `for` of an element: `for=192.0.2.60;proto=http`.
fn forwarded_for(element: &str) -> &str {
    parameter(element, "for").unwrap_or_default()
}

/// A parameter of an element.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// An address, perhaps in brackets, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare
        .unwrap_or(text)
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[(&'static str, &str)]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        client(&trusted, "10.0.0.1".parse().unwrap(), &map).to_string()
    }

    #[test]
    fn the_last_one_that_no_trusted_proxy_vouches_for_is_the_client() {
        for (headers, expected) in [
            (&[("x-forwarded-for", "192.0.2.1")][..], "192.0.2.1"),
            (
                &[("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.2.3.4")],
                "192.0.2.1",
            ),
            (
                &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1")],
                "192.0.2.1",
            ),
            (&[("x-forwarded-for", "10.0.0.9, 10.0.0.8")], "10.0.0.9"),
            (&[("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            (&[("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1"),
            (&[("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1"),
            (&[("x-forwarded-for", "192.0.2.1:80, fd00::2")], "192.0.2.1"),
            (&[("forwarded", "for=192.0.2.1;proto=https")], "192.0.2.1"),
            (
                &[("forwarded", "for=6.6.6.6, proto=https; For=\"[2001:db8::1]:80\"")],
                "2001:db8::1",
            ),
            (
                &[("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")],
                "192.0.2.1",
            ),
        ] {
            assert_eq!(seen(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn who_lies_or_is_not_named_is_counted_as_the_proxy() {
        for headers in [
            &[][..],
            &[("x-forwarded-for", "")],
            &[("x-forwarded-for", "unknown")],
            &[("x-forwarded-for", "192.0.2.1, _hidden")],
            &[("forwarded", "proto=https")],
            &[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "192.0.2.1")],
        ] {
            assert_eq!(seen(headers), "10.0.0.1", "{headers:?}");
        }
    }
}
