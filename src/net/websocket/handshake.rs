//! The request that asks for a WebSocket, checked, and what the answer says (RFC 6455, 4.2).

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    deflate::Deflate,
    extensions,
    headers::{elements, is_token},
};

/// The protocol version of every client.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Bytes that a key holds, in base64.
const KEY: usize = 16;

/// Why a request gets no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It asks for none, or wrongly.
    #[error("{0}")]
    Malformed(&'static str),
    /// It asks for another version.
    #[error("the version of WebSocket is 13")]
    Version,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// The headers of the answer.
    pub(crate) fn headers(self) -> HeaderMap {
        match self {
            Self::Malformed(_) => HeaderMap::new(),
            Self::Version => HeaderMap::from_iter([(SEC_WEBSOCKET_VERSION, VERSION)]),
        }
    }
}

/// A WebSocket as it is agreed on.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// Of the answer, which has status 101.
    pub(crate) headers: HeaderMap,
    /// Whether messages may be compressed.
    pub(crate) deflate: Option<Deflate>,
}

/// Checks a request for a WebSocket, whose messages may be compressed where the client offers that and the server has
/// `deflate`. Of the subprotocols that the client offers the first is taken, as Node does: strict clients refuse an answer
/// without one.
///
/// # Errors
/// Where it is none by the standard, with the status and headers to answer.
pub(crate) fn accept(
    method: &Method,
    headers: &HeaderMap,
    deflate: Option<Deflate>,
) -> Result<Accepted, Refusal> {
    if method != Method::GET {
        return Err(Refusal::Malformed("a WebSocket is asked for by GET"));
    }
    if !lists(headers, CONNECTION, "upgrade") || !lists(headers, UPGRADE, "websocket") {
        return Err(Refusal::Malformed("the request asks for no WebSocket"));
    }
    if sole(headers, SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        return Err(Refusal::Version);
    }
    let key = sole(headers, SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key.as_bytes()))
        .ok_or(Refusal::Malformed("Sec-WebSocket-Key is not base64 of 16 bytes"))?;
    let accepted = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
        .map_err(|_| Refusal::Malformed("Sec-WebSocket-Key is not base64 of 16 bytes"))?;
    let mut answer = HeaderMap::with_capacity(5);
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    if let Some(subprotocol) = subprotocol(headers)? {
        answer.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    let extension = match deflate {
        None => None,
        Some(_) => {
            extensions::accept_deflate(headers).map_err(|malformed| Refusal::Malformed(malformed.0))?
        }
    };
    let deflate = deflate.filter(|_| extension.is_some());
    if let Some(extension) = extension {
        answer.insert(SEC_WEBSOCKET_EXTENSIONS, extension);
    }
    Ok(Accepted {
        headers: answer,
        deflate,
    })
}

/// The value of a header that comes once.
fn sole(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    first.filter(|_| values.next().is_none())
}

fn is_key(key: &[u8]) -> bool {
    BASE64_STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == KEY)
}

/// The first subprotocol that is offered.
fn subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    const MALFORMED: Refusal = Refusal::Malformed("Sec-WebSocket-Protocol is no list of tokens");
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Ok(None);
    }
    let first = elements(headers, SEC_WEBSOCKET_PROTOCOL)
        .next()
        .ok_or(MALFORMED)?;
    if !is_token(first) {
        return Err(MALFORMED);
    }
    HeaderValue::from_str(first).map(Some).map_err(|_| MALFORMED)
}

/// Whether a header that is a list has this in it.
fn lists(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let usual = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in usual {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in lines {
            match *value {
                "" => drop(headers.remove(*name)),
                value => drop(headers.insert(*name, value.parse().unwrap())),
            }
        }
        headers
    }

    fn asked(lines: &[(&'static str, &str)]) -> Result<HeaderMap, Refusal> {
        accept(&Method::GET, &request(lines), None).map(|accepted| accepted.headers)
    }

    fn status(lines: &[(&'static str, &str)]) -> u16 {
        asked(lines).map_or_else(|refusal| refusal.status().as_u16(), |_| 101)
    }

    /// The example of RFC 6455, 1.3.
    #[test]
    fn the_standards_request_gets_the_standards_answer() {
        let answer = asked(&[("sec-websocket-protocol", "chat, superchat")]).unwrap();
        assert_eq!(answer["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer["sec-websocket-protocol"], "chat");
        assert_eq!(answer["upgrade"], "websocket");
        assert_eq!(answer["connection"], "upgrade");
    }

    #[test]
    fn a_subprotocol_is_named_only_where_one_was_offered() {
        let answer = asked(&[]).unwrap();
        assert!(!answer.contains_key("sec-websocket-protocol"));
        assert_eq!(status(&[("sec-websocket-protocol", "v1.chat")]), 101);
        assert_eq!(status(&[("sec-websocket-protocol", "a b")]), 400);
        assert_eq!(status(&[("sec-websocket-protocol", " , ")]), 400);
    }

    #[test]
    fn messages_are_compressed_where_both_sides_want_it() {
        let deflate = Deflate { threshold: 1024 };
        let offer = [("sec-websocket-extensions", "permessage-deflate")];
        let accepted = accept(&Method::GET, &request(&offer), Some(deflate)).unwrap();
        assert_eq!(accepted.deflate, Some(deflate));
        assert!(accepted.headers.contains_key("sec-websocket-extensions"));
        for (lines, deflate) in [(&offer[..], None), (&[], Some(deflate))] {
            let accepted = accept(&Method::GET, &request(lines), deflate).unwrap();
            assert_eq!(accepted.deflate, None);
            assert!(!accepted.headers.contains_key("sec-websocket-extensions"));
        }
    }

    #[test]
    fn what_asks_for_no_websocket_gets_none() {
        assert_eq!(status(&[("connection", "keep-alive, UPGRADE")]), 101);
        assert_eq!(status(&[("connection", "keep-alive")]), 400);
        assert_eq!(status(&[("connection", "")]), 400);
        assert_eq!(status(&[("upgrade", "h2c")]), 400);
        assert_eq!(status(&[("upgrade", "")]), 400);
        assert!(accept(&Method::POST, &request(&[]), None).is_err());
    }

    #[test]
    fn a_key_is_base64_of_16_bytes() {
        for key in [
            "junk",
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZSE=",
            "****IHNhbXBsZSBub25jZQ==",
        ] {
            assert_eq!(status(&[("sec-websocket-key", key)]), 400, "{key}");
        }
        let mut twice = request(&[]);
        twice.append(
            "sec-websocket-key",
            HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="),
        );
        assert!(accept(&Method::GET, &twice, None).is_err());
    }

    #[test]
    fn another_version_is_told_the_right_one() {
        for version in ["8", "14", "13, 8", ""] {
            let refusal = asked(&[("sec-websocket-version", version)]).unwrap_err();
            assert_eq!(refusal.status(), StatusCode::UPGRADE_REQUIRED);
            assert_eq!(refusal.headers()["sec-websocket-version"], "13");
        }
    }
}
