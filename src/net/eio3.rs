//! Buffers to 2.x clients over polling. The engine writes them as Engine.IO v4 does (`b` and base64); in v3
//! a base64 packet names its type too (`b4` and base64), and without it the client reads broken text.
//! Seen with socketioxide 0.18.9 and socket.io-client 2.5.
//!
//! Source: Engine.IO protocol v3, "Payload".

use axum::{
    body::{Body, Bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use http_body_util::BodyExt;

use super::sessions::parameter;

/// Middleware: mends the payload of a v3 client's poll.
pub(super) async fn repair(request: Request, next: Next) -> Response {
    let is_poll = request.method() == Method::GET
        && parameter(request.uri(), "EIO") == Some("3")
        && parameter(request.uri(), "transport") == Some("polling")
        && parameter(request.uri(), "sid").is_some();
    let response = next.run(request).await;
    if !is_poll || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::from_parts(head, Body::empty());
    };
    let body = body.to_bytes();
    let mended = mended(&body).unwrap_or(body);
    head.headers.insert(CONTENT_LENGTH, mended.len().into());
    Response::from_parts(head, Body::from(mended))
}

/// A payload with its base64 packets mended; `None` where it has none, or is no payload.
fn mended(payload: &Bytes) -> Option<Bytes> {
    match payload.first()? {
        0 | 1 => mended_binary(payload),
        _ => mended_text(std::str::from_utf8(payload).ok()?),
    }
}

/// `<length>:<packet>…`, lengths in UTF-16 units.
fn mended_text(payload: &str) -> Option<Bytes> {
    let mut mended = String::with_capacity(payload.len() + 8);
    let mut changed = false;
    let mut rest = payload;
    while !rest.is_empty() {
        let (length, after) = rest.split_once(':')?;
        let length: usize = length.parse().ok()?;
        let (packet, next) = after.split_at_checked(utf16_prefix(after, length)?)?;
        rest = next;
        match packet.strip_prefix('b') {
            None => mended.push_str(&format!("{length}:{packet}")),
            Some(base64) => {
                changed = true;
                mended.push_str(&format!("{}:b4{base64}", length + 1));
            }
        }
    }
    changed.then(|| mended.into())
}

/// How many bytes the first `units` UTF-16 units of a text take.
fn utf16_prefix(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, letter) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(letter.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

/// `<0 text, 1 binary><decimal digits of the length, a byte each><255><packet>…`
fn mended_binary(payload: &[u8]) -> Option<Bytes> {
    let mut mended = Vec::with_capacity(payload.len() + 8);
    let mut changed = false;
    let mut rest = payload;
    while let [kind, after @ ..] = rest {
        let end = memchr::memchr(255, after)?;
        let (digits, packet) = (&after[..end], &after[end + 1..]);
        let length = digits.iter().try_fold(0_usize, |length, digit| {
            length.checked_mul(10)?.checked_add((*digit).into())
        })?;
        let (packet, next) = packet.split_at_checked(length)?;
        rest = next;
        let inserted = usize::from(*kind == 0 && packet.first() == Some(&b'b'));
        changed |= inserted > 0;
        mended.push(*kind);
        mended.extend((length + inserted).to_string().bytes().map(|digit| digit - b'0'));
        mended.push(255);
        match inserted {
            0 => mended.extend_from_slice(packet),
            _ => {
                mended.extend_from_slice(b"b4");
                mended.extend_from_slice(&packet[1..]);
            }
        }
    }
    changed.then(|| mended.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mend(payload: &'static [u8]) -> Option<Bytes> {
        mended(&Bytes::from_static(payload))
    }

    #[test]
    fn base64_packets_get_their_type_and_texts_stay() {
        assert_eq!(mend("4:4é😀5:baGk=".as_bytes()).unwrap(), "4:4é😀6:b4aGk=");
        assert_eq!(mend(b"2:4b1:6"), None);
        assert_eq!(mend(b""), None);
        assert_eq!(
            mend(b"\x00\x02\xff4b\x00\x05\xffbaGk=").unwrap(),
            &b"\x00\x02\xff4b\x00\x06\xffb4aGk="[..]
        );
        assert_eq!(mend(b"\x01\x02\xff\x04b"), None);
    }

    #[test]
    fn what_is_no_payload_is_left_alone() {
        for broken in [&b"12"[..], b"x:1", b"9:b", b"\x00\x09\xffb", b"\x00\x01"] {
            assert_eq!(mend(broken), None, "{broken:?}");
        }
    }
}
