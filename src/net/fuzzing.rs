//! What the fuzzer throws anything at: the parsers of this room that read what strangers write, and what holds of them
//! whatever that is. They are there for the fuzzer alone (`fuzz/`), which panics where it does not hold.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{AUTHORIZATION, FORWARDED, HOST, ORIGIN},
};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};

use super::{
    auth::{Authenticator, Handshake},
    engineio::{
        jsonp, model,
        packet::{Packet, Protocol},
        payload::{self, Content, MOST_PACKETS, Packets},
    },
    limits::{origins::Origins, proxies},
    rooms::bus::redis,
    socketio::{
        assembly::{Assembled, Limits},
        msgpack,
        packet::{self, Kind, Version},
    },
    websocket::{
        deflate::Deflate,
        inflate::inflate,
        reference::{Heard, hear, hear_deflated, reference},
    },
};
use crate::{
    config::{AuthConfig, Secret},
    error::Code,
};

const LISTED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the fuzzer's tokens are signed with.
const SECRET: &str = "a secret that is known to the fuzzer alone";

fn put(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.append(name, value);
    }
}

/// A page's origin and the host that it asks for: where it may connect, the host is named in the origin.
pub fn origin(origin: &[u8], host: &[u8]) {
    let mut headers = HeaderMap::new();
    put(&mut headers, ORIGIN, origin);
    put(&mut headers, HOST, host);
    let Ok(own) = Origins::new(&[]) else {
        return;
    };
    if !headers.contains_key(ORIGIN) || !own.allow(&headers) {
        return;
    }
    let [origin, host] = [origin, host].map(|bytes| String::from_utf8_lossy(bytes).to_ascii_lowercase());
    let page = ["http://", "https://"].map(|scheme| origin.strip_prefix(scheme));
    let named = page.into_iter().flatten().next().map(without_port);
    assert!(
        named.is_some_and(|named| !named.is_empty() && is_same_host(named, without_port(&host))),
        "a page of another host was let in"
    );
}

/// An IPv6 address may be written in several ways.
fn is_same_host(one: &str, other: &str) -> bool {
    let address = |host: &str| -> Option<Ipv6Addr> {
        let within = host.strip_prefix('[')?.strip_suffix(']')?;
        within.parse().ok()
    };
    one == other || address(one).is_some_and(|one| address(other) == Some(one))
}

fn without_port(host: &str) -> &str {
    host.trim_end_matches(|digit: char| digit.is_ascii_digit())
        .strip_suffix(':')
        .unwrap_or(host)
}

/// The headers of a proxy, a line each: without a client in them the client is the proxy.
pub fn forwarded(listed: &[u8], forwarded: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, lines) in [(LISTED, listed), (FORWARDED, forwarded)] {
        for line in lines.split(|byte| *byte == b'\n') {
            put(&mut headers, name.clone(), line);
        }
    }
    let proxy = IpAddr::from([10, 0, 0, 1]);
    let trusted = [proxy.into()];
    let client = proxies::client(&trusted, proxy, &headers);
    // `::` is the shortest.
    let is_named = |value: &HeaderValue| {
        let digits = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
        value.as_bytes().iter().any(digits)
    };
    assert!(
        headers.values().any(is_named) || client == proxy,
        "nobody was named"
    );
}

/// These credentials in the handshake, in a header and in the query authenticate no client, as none is signed.
pub fn credentials(auth: &str, header: &[u8], query: &str) {
    let mut headers = HeaderMap::new();
    put(&mut headers, AUTHORIZATION, header);
    let uri = format!("/socket.io/?{query}").parse().unwrap_or_default();
    assert!(!is_let_in(Some(auth), &headers, &uri), "nobody signed that");
}

/// A client with these JSON texts as head and claims of a token with a valid signature.
pub fn signed(head: &[u8], claims: &[u8]) {
    let [head, body] = [head, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let message = format!("{head}.{body}");
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let Ok(signature) = sign(message.as_bytes(), &key, Algorithm::HS256) else {
        return;
    };
    let auth = serde_json::json!({ "token": format!("{message}.{signature}") }).to_string();
    if !is_let_in(Some(&auth), &HeaderMap::new(), &Uri::default()) {
        return;
    }
    let claims: serde_json::Value = serde_json::from_slice(claims).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ends = claims["exp"].as_f64().unwrap_or_default();
    assert!(ends + 60.0 > now.as_secs_f64(), "it has ended, or never does");
    assert!(
        claims["sub"].is_string() || claims["sub"].is_number(),
        "whose is it?"
    );
}

fn is_let_in(auth: Option<&str>, headers: &HeaderMap, uri: &Uri) -> bool {
    static AUTHENTICATOR: LazyLock<Option<Authenticator>> = LazyLock::new(|| {
        let config = AuthConfig {
            secrets: vec![Secret::from(SECRET)],
            query: true,
            ..AuthConfig::default()
        };
        let made = Authenticator::new(&config, None, Default::default(), Duration::from_secs(1));
        made.now_or_never()?.ok()
    });
    let Some(authenticator) = &*AUTHENTICATOR else {
        return true;
    };
    let identified = authenticator.identify(Handshake { auth, headers, uri });
    match identified.now_or_never() {
        Some(Ok(_)) => true,
        Some(Err(error)) => {
            assert!(error.code() == Code::Unauthenticated, "{error}");
            false
        }
        None => true,
    }
}

/// Frames of a WebSocket, however they are split: another implementation decodes the same. Compressed messages are
/// bounded.
pub fn frames(bytes: &[u8], split: usize) {
    const LIMIT: usize = 1000;
    let heard = hear(&[bytes], LIMIT);
    let parts: Vec<&[u8]> = bytes.chunks(split.max(1)).collect();
    assert!(hear(&parts, LIMIT) == heard, "split they are something else");
    if let Some(expected) = reference(bytes, &heard, LIMIT) {
        assert_eq!(
            (&heard.0, heard.1.is_some()),
            (&expected.0, expected.1),
            "{:?}",
            heard.1
        );
    }
    let deflate = Some(Deflate { threshold: 0 });
    let heard = hear_deflated(&[bytes], LIMIT, deflate);
    assert!(
        hear_deflated(&parts, LIMIT, deflate) == heard,
        "split they are something else"
    );
    for heard in heard.0 {
        if let Heard::Deflated(_, message) = heard
            && let Ok(message) = inflate(&message, LIMIT, |bytes| bytes <= LIMIT + 1)
        {
            assert!(message.len() <= LIMIT, "messages are bounded");
        }
    }
}

/// The body of a post, in each of its forms: what is read is written again, and read as it was.
pub fn payload(body: &[u8]) {
    let form = jsonp::payload(body);
    let bodies = [
        (Protocol::V4, Content::Text, body),
        (Protocol::V3, Content::Text, body),
        (Protocol::V3, Content::Binary, body),
        (
            Protocol::V3,
            Content::Text,
            form.as_deref().unwrap_or_default().as_bytes(),
        ),
    ];
    for (protocol, content, body) in bodies {
        let Ok(packets) = Packets::new(protocol, content, body, MOST_PACKETS) else {
            continue;
        };
        let packets: Vec<Packet<'_>> = packets.map_while(Result::ok).collect();
        if packets.is_empty() {
            continue;
        }
        let written = match content {
            Content::Text => payload::text(protocol, packets.clone(), usize::MAX),
            Content::Binary => payload::binary(packets.clone(), usize::MAX),
        };
        let again = Packets::new(protocol, written.content, &written.body, MOST_PACKETS);
        let again: Option<Vec<_>> = again
            .ok()
            .and_then(|packets| packets.collect::<Result<_, _>>().ok());
        assert!(again.as_deref() == Some(&packets[..]), "it is read as it was");
    }
}

/// A session whose client, server, network and clock do what the bytes say: nothing is lost, doubled or reordered, it ends,
/// and nothing is left.
pub fn session(story: &[u8]) {
    model::play(story);
}

/// A packet of Socket.IO: what is read of its head is what JSON says.
pub fn packet(text: &str) {
    for version in [Version::V4, Version::V5] {
        let Ok(packet) = packet::Packet::decode(version, text) else {
            continue;
        };
        assert!(packet.namespace.starts_with('/'));
        let Kind::Event { name, arguments, .. } = packet.kind else {
            continue;
        };
        let split = packet::arguments(arguments, 100);
        let parsed = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(arguments);
        if let (Ok(split), Ok(parsed)) = (&split, &parsed) {
            assert!(
                split
                    .iter()
                    .copied()
                    .eq(parsed.iter().map(|argument| argument.get()))
            );
            let text = serde_json::from_str::<String>(split[0]);
            let is_its_name = text.map_or_else(|_| is_same_number(split[0], &name), |text| text == name);
            assert!(is_its_name, "its name");
        }
        assert!(split.is_err() || parsed.is_ok(), "that is no JSON");
    }
}

/// A name that is a number is written as JavaScript writes it.
fn is_same_number(given: &str, name: &str) -> bool {
    given.parse::<f64>().is_ok_and(|given| name.parse() == Ok(given))
}

/// A packet of MessagePack: what is made of it is within its limits, and written and read again the same.
pub fn message_pack(message: &[u8]) {
    let limits = Limits {
        bytes: 10_000,
        buffers: 5,
    };
    let read = |message: &[u8]| msgpack::decode::decode(message, limits, 20);
    let Ok(Assembled::Whole(whole)) = read(message) else {
        return;
    };
    assert!(whole.buffers.len() <= limits.buffers);
    let Ok(written) = msgpack::encode::encode(&whole.text, &whole.buffers) else {
        return;
    };
    let again = read(&written);
    let Ok(Assembled::Whole(again)) = again else {
        return;
    };
    let Ok(twice) = msgpack::encode::encode(&again.text, &again.buffers) else {
        return;
    };
    assert!(written == twice, "it is written as it was");
}

/// What comes by the bus, on each of its channels: what is read is written again, and read as it was.
#[cfg(feature = "redis")]
pub fn bus(message: &[u8]) {
    redis::fuzzing::replay(message);
}
