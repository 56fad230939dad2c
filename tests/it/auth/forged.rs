//! Tokens that do not hold. Each is refused with what is wrong with it, over a WebSocket by hand and by stock clients
//! of all generations; and a normal client gets in after each.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use updraft::{App, AuthConfig};

use super::{OTHER, SECRET, auth, claims, connect, now, refusal, serve, signed, token, unauthenticated};
use crate::support::{Local, Program, RawClient, node};

const PUBLIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/auth/keys/rsa.pub.pem");

const NO_JWT: &str = "the token is no JWT that is taken here";
const UNSIGNED: &str = "the token is not signed with a key that is known here";
const MALFORMED: &str = "the token's claims are malformed";

fn strict() -> AuthConfig {
    AuthConfig {
        keys: vec![format!("rsa={PUBLIC}")],
        audience: vec!["stories".to_owned(), "tales".to_owned()],
        issuer: vec!["https://issuer.example".to_owned()],
        ..auth()
    }
}

/// What a good token says, but for this.
fn good(changed: Value) -> Value {
    let mut claims = claims(json!({"aud": "stories", "iss": "https://issuer.example"}));
    for (name, value) in changed.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn hmac(claims: &Value) -> String {
    signed(
        &Header::new(Algorithm::HS256),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
}

fn part(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn none(alg: &str, signature: &str) -> String {
    format!(
        "{}.{}.{signature}",
        part(&format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#)),
        part(&good(json!({})).to_string())
    )
}

/// A header of one's own over good claims, signed with the secret.
fn with_header(change: impl FnOnce(&mut Header)) -> String {
    let mut header = Header::new(Algorithm::HS256);
    change(&mut header);
    signed(
        &header,
        &good(json!({})),
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
}

/// Signed with the bytes of the public key, as if they were a secret.
fn confused(algorithm: Algorithm, kid: Option<&str>) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    let public = std::fs::read(PUBLIC).unwrap();
    signed(&header, &good(json!({})), &EncodingKey::from_secret(&public))
}

/// Cut at a dot, and put together otherwise.
fn rearranged(order: [usize; 3]) -> String {
    let token = hmac(&good(json!({})));
    let parts: Vec<&str> = token.split('.').collect();
    order.map(|part| parts[part]).join(".")
}

fn swapped_claims() -> String {
    let token = hmac(&good(json!({})));
    let parts: Vec<&str> = token.split('.').collect();
    format!(
        "{}.{}.{}",
        parts[0],
        part(&good(json!({"sub": "root"})).to_string()),
        parts[2]
    )
}

/// What each is, the token, and what is said of it.
fn cases() -> Vec<(&'static str, String, &'static str)> {
    let other = EncodingKey::from_secret(OTHER.as_bytes());
    let hs256 = Header::new(Algorithm::HS256);
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let whole = hmac(&good(json!({})));
    let deep = format!("{}.{}.x", part(r#"{"alg":"HS256"}"#), part(&nested(3000)));
    vec![
        ("forged", signed(&hs256, &good(json!({})), &other), UNSIGNED),
        ("other claims under a good signature", swapped_claims(), UNSIGNED),
        (
            "without its signature",
            format!("{}.", whole.rsplit_once('.').unwrap().0),
            UNSIGNED,
        ),
        (
            "a signature that is cut",
            whole[..whole.len() - 4].to_owned(),
            UNSIGNED,
        ),
        (
            "another algorithm of the same secret",
            none("HS512", whole.rsplit('.').next().unwrap()),
            UNSIGNED,
        ),
        ("none", none("none", ""), NO_JWT),
        ("None", none("None", ""), NO_JWT),
        ("NONE with a signature", none("NONE", "x"), NO_JWT),
        ("an algorithm that is not", none("HS1", "x"), NO_JWT),
        (
            "the public key as a secret",
            confused(Algorithm::HS256, None),
            UNSIGNED,
        ),
        (
            "the public key as a secret, by its kid",
            confused(Algorithm::HS256, Some("rsa")),
            UNSIGNED,
        ),
        (
            "the public key as a longer secret",
            confused(Algorithm::HS512, Some("rsa")),
            UNSIGNED,
        ),
        (
            "a secret's token that says RS256",
            none("RS256", whole.rsplit('.').next().unwrap()),
            UNSIGNED,
        ),
        (
            "an elliptic algorithm without such a key",
            none("ES256", "x"),
            UNSIGNED,
        ),
        (
            "the kid of a key of another kind",
            with_header(|header| header.kid = Some("rsa".into())),
            UNSIGNED,
        ),
        (
            "what wants more than is understood",
            with_header(|header| header.crit = Some(vec!["b64".into()])),
            "the token wants more (crit) than is understood here",
        ),
        (
            "expired",
            hmac(&good(json!({"exp": now() - 5}))),
            "the token has expired",
        ),
        (
            "expired long ago",
            hmac(&good(json!({"exp": 0}))),
            "the token has expired",
        ),
        (
            "not yet valid",
            hmac(&good(json!({"nbf": now() + 600}))),
            "the token is not valid yet",
        ),
        (
            "for another audience",
            hmac(&good(json!({"aud": "others"}))),
            "the token is for another audience",
        ),
        (
            "for other audiences",
            hmac(&good(json!({"aud": ["others", "more"]}))),
            "the token is for another audience",
        ),
        (
            "without an audience",
            hmac(&good(json!({"aud": null}))),
            "the token has no audience",
        ),
        (
            "an audience that is none",
            hmac(&good(json!({"aud": 5}))),
            "the token has no audience",
        ),
        (
            "from another issuer",
            hmac(&good(json!({"iss": "https://evil.example"}))),
            "the token comes from another issuer",
        ),
        (
            "without an issuer",
            hmac(&good(json!({"iss": null}))),
            "the token has no issuer",
        ),
        (
            "for ever",
            hmac(&good(json!({"exp": null}))),
            "the token has no exp: it would never expire",
        ),
        (
            "an end that is no number",
            hmac(&good(json!({"exp": "soon"}))),
            "the token has no exp: it would never expire",
        ),
        (
            "a negative end",
            hmac(&good(json!({"exp": -1}))),
            "the token has no exp: it would never expire",
        ),
        (
            "a beginning that is no number",
            hmac(&good(json!({"nbf": []}))),
            MALFORMED,
        ),
        (
            "nobody's",
            hmac(&good(json!({"sub": null}))),
            "the token does not say whose it is",
        ),
        (
            "somebody's without a name",
            hmac(&good(json!({"sub": ""}))),
            "the token does not say whose it is",
        ),
        (
            "a subject that is an object",
            hmac(&good(json!({"sub": {"a": 1}}))),
            MALFORMED,
        ),
        ("claims that are a list", hmac(&json!([1, 2])), MALFORMED),
        (
            "claims that are no JSON",
            format!("{}.{}.x", part(r#"{"alg":"HS256"}"#), part("{")),
            UNSIGNED,
        ),
        ("deeply nested claims", deep, UNSIGNED),
        (
            "a deeply nested header",
            format!("{}.e30.x", part(&nested(3000))),
            NO_JWT,
        ),
        ("a token in a token", format!("{whole}.{whole}"), NO_JWT),
        ("parts in another order", rearranged([1, 0, 2]), NO_JWT),
        ("the signature first", rearranged([2, 0, 1]), NO_JWT),
        ("one part", "x".to_owned(), NO_JWT),
        ("dots", "..".to_owned(), NO_JWT),
        ("four parts", format!("{whole}.x"), NO_JWT),
        ("garbage", "\u{fffd}\u{0}\n\"'<script>".to_owned(), NO_JWT),
        ("a space in it", whole.replace('.', ". "), UNSIGNED),
        (
            "huge",
            format!("{whole}{}", "A".repeat(100_000)),
            "a token is no longer than 8192 bytes",
        ),
    ]
}

async fn strict_server() -> (Local, String) {
    (
        serve(App::new(), strict()).await,
        hmac(&good(json!({"aud": ["x", "tales"]}))),
    )
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused_with_what_is_wrong_with_it() {
    let (local, good) = strict_server().await;
    let mut wrong = Vec::new();
    for (about, token, expected) in cases() {
        let told = refusal(&local, &json!({ "token": token })).await;
        if told != unauthenticated(expected) {
            wrong.push(format!("{about}: {told}, not {expected}"));
        }
        assert!(connect(&local, &good).await.is_well().await, "after: {about}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn who_shows_no_token_is_refused() {
    let local = serve(App::new(), auth()).await;
    let missing = unauthenticated("a token is missing");
    for none in [
        json!({}),
        json!({"token": null}),
        json!({"token": 5}),
        json!({"token": ["x"]}),
    ] {
        assert_eq!(refusal(&local, &none).await, missing, "{none}");
    }
    let optional = AuthConfig {
        optional: true,
        ..auth()
    };
    let local = serve(App::new(), optional).await;
    let mut anonymous = local.client().await;
    let nobody = json!({"event": "api.me.whoami", "data": {"subject": null, "account": null}});
    assert_eq!(anonymous.call(&json!({"event": "api.me.whoami"})).await, nobody);
    let forged = refusal(&local, &json!({"token": "x"})).await;
    assert_eq!(
        forged,
        unauthenticated(NO_JWT),
        "a token that does not hold is none that is missing"
    );
}

fn stock_clients(generation: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (local, good) = runtime.block_on(strict_server());
    // Node refuses to send control characters in a header, and the engine a head as long as the huge one.
    let sendable =
        |token: &str| token.len() < 8000 && token.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let cases: Vec<_> = cases()
        .into_iter()
        .filter(|(_, token, _)| sendable(token))
        .collect();
    assert!(cases.len() > 30);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({"good": good, "bad": cases}).to_string()).unwrap();
    for transport in ["websocket", "polling", "upgraded"] {
        node(
            "tokens.mjs",
            &[&local.url, generation, transport, file.path().to_str().unwrap()],
        );
    }
}

#[test]
fn a_4_client_hears_why_it_may_not_connect() {
    stock_clients("4");
}

#[test]
fn a_3_client_hears_why_it_may_not_connect() {
    stock_clients("3");
}

#[test]
fn a_2_client_hears_why_it_may_not_connect() {
    stock_clients("2");
}

#[tokio::test]
async fn nothing_of_a_token_is_told_or_logged() {
    let flags = ["--auth-secrets", SECRET];
    let server = Program::start_after("export UPDRAFT_LOG=updraft=trace", &flags);
    let marked = token(json!({"data": {"password": "m4rk3r-in-claims"}}));
    let mut client = RawClient::connect_with(&server.url, &json!({"token": marked})).await;
    assert!(client.is_well().await);
    let refresh = json!({"event": "auth.refresh", "data": {"token": format!("{marked}x")}});
    let refused = client.call(&refresh).await;
    assert_eq!(refused["error"], unauthenticated(UNSIGNED)["data"]);
    let mut stranger = RawClient::open(&server.url).await;
    stranger.send(&format!(r#"40{{"token":"{marked}x"}}"#)).await;
    stranger.text().await;
    assert!(stranger.text().await.starts_with("44"));
    server.signal("TERM");
    let (stopped_well, log) = server.wait();
    assert!(stopped_well, "{log}");
    assert!(
        log.contains("a client was refused"),
        "it was looked at closely: {log}"
    );
    for secret in [SECRET, "m4rk3r", &marked[..40], &marked[marked.len() - 20..]] {
        assert!(!log.contains(secret), "{log}");
    }
}
