//! What the fuzzer throws anything at: the parsers of this room that read what strangers write, and what holds of them
//! whatever that is. They are there for the fuzzer alone (`fuzz/`), which panics where it does not hold.

use std::{
    net::IpAddr,
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
    limits::{origins::Origins, proxies},
    refusal,
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
    let own = Origins::Named([].into());
    if !headers.contains_key(ORIGIN) || !own.allow(&headers) {
        return;
    }
    let [origin, host] = [origin, host].map(|bytes| String::from_utf8_lossy(bytes).to_ascii_lowercase());
    let page = ["http://", "https://"].map(|scheme| origin.strip_prefix(scheme));
    let named = page.into_iter().flatten().next().map(without_port);
    assert!(
        named.is_some_and(|named| !named.is_empty() && named == without_port(&host)),
        "a page of another host was let in"
    );
}

fn without_port(host: &str) -> &str {
    host.trim_end_matches(|digit: char| digit.is_ascii_digit())
        .strip_suffix(':')
        .unwrap_or(host)
}

/// The headers of a proxy, a line each: where they name nobody, the client is the proxy.
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

/// A refusal on its way out takes the place of as many bytes, within what is written.
pub fn refused(written: &[u8]) {
    if let Some((place, meant)) = refusal::mended(written) {
        assert!(written.len() >= place + meant.len(), "as many bytes");
    }
}

/// Who comes with this in the handshake, in a header and in the query: nobody, as none of it is signed.
pub fn credentials(auth: &str, header: &[u8], query: &str) {
    let mut headers = HeaderMap::new();
    put(&mut headers, AUTHORIZATION, header);
    let uri = format!("/socket.io/?{query}").parse().unwrap_or_default();
    assert!(!is_let_in(Some(auth), &headers, &uri), "nobody signed that");
}

/// Who comes with these JSON texts as a token's head and claims, and a signature that holds.
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
    let welcomed = authenticator.welcome(Handshake { auth, headers, uri });
    match welcomed.now_or_never() {
        Some(Ok(_)) => true,
        Some(Err(error)) => {
            assert!(error.code() == Code::Unauthenticated, "{error}");
            false
        }
        None => true,
    }
}
