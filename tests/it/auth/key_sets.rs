//! Key sets that are fetched from their issuer: rotated, out of reach, too large, and asked for by strangers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::StatusCode, response::Response, routing::get};
use futures_util::future::join_all;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use updraft::{App, AuthConfig, Config, StartError, TlsConfig};

use super::{
    SECRET, auth, configured, connect,
    keys::{UNSIGNED, by, by_secret, jwk, private, until_taken},
    refusal, serve, unauthenticated,
};
use crate::{
    support::{Local, Program, RawClient, until, updraft_with, within_patience},
    tls::Pair,
};

/// What an issuer answers.
enum Said {
    Text(StatusCode, String),
    /// A beginning, and then nothing.
    NoEnd,
}

/// Who publishes keys, at an address of this machine.
struct Issuer {
    url: String,
    said: Arc<Mutex<Said>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    async fn start(keys: &[Value]) -> Self {
        let said = Arc::new(Mutex::new(Said::NoEnd));
        let asked = Arc::<AtomicUsize>::default();
        let answer = {
            let (said, asked) = (said.clone(), asked.clone());
            async move || {
                asked.fetch_add(1, Ordering::SeqCst);
                answer(&said.lock().unwrap())
            }
        };
        let router = Router::new().route("/keys.json", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys.json", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        let this = Self { url, said, asked };
        this.publish(keys);
        this
    }

    fn publish(&self, keys: &[Value]) {
        self.says(StatusCode::OK, json!({ "keys": keys }).to_string());
    }

    fn says(&self, status: StatusCode, text: impl Into<String>) {
        *self.said.lock().unwrap() = Said::Text(status, text.into());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until it was asked so often again.
    async fn is_asked_again(&self, times: usize) {
        let enough = self.asked() + times;
        until("the keys to be fetched again", || self.asked() >= enough).await;
    }
}

fn answer(said: &Said) -> Response {
    match said {
        Said::Text(status, text) => {
            let response = Response::builder()
                .status(*status)
                .header("location", "/elsewhere");
            response.body(Body::from(text.clone())).unwrap()
        }
        Said::NoEnd => {
            let beginning = futures_util::stream::iter([Ok::<_, std::io::Error>("{\"keys\":[")]);
            let never = futures_util::stream::pending();
            Response::new(Body::from_stream(futures_util::StreamExt::chain(
                beginning, never,
            )))
        }
    }
}

fn fetching(url: &str, every: Duration) -> AuthConfig {
    AuthConfig {
        secrets: Vec::new(),
        keys_url: vec![url.to_owned()],
        keys_refresh: every,
        ..auth()
    }
}

/// Longer than a story takes.
const SELDOM: Duration = Duration::from_secs(3600);
const OFTEN: Duration = Duration::from_millis(50);

fn first() -> (Value, String) {
    let token = by(&private("rsa"), Algorithm::RS256, Some("1"));
    (jwk("rsa", "1", json!({})), token)
}

fn second() -> (Value, String) {
    let token = by(&private("ec256"), Algorithm::ES256, Some("2"));
    (jwk("ec256", "2", json!({})), token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_fetched_for_whoever_comes_with_it_first() {
    let ((one, old), (two, new)) = (first(), second());
    let issuer = Issuer::start(std::slice::from_ref(&one)).await;
    let local = serve(App::new(), fetching(&issuer.url, SELDOM)).await;
    let mut stays = connect(&local, &old).await;
    assert_eq!(issuer.asked(), 1, "at start");

    issuer.publish(&[one, two.clone()]);
    let all = join_all((0..20).map(|_| connect(&local, &new))).await;
    for mut client in all {
        assert!(client.is_well().await, "at the first try");
    }
    assert_eq!(issuer.asked(), 2, "once for them all");
    assert!(connect(&local, &old).await.is_well().await);
    assert!(stays.is_well().await);
    assert_eq!(issuer.asked(), 2, "what is known is not asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_fetched_from_time_to_time_and_one_that_is_gone_is_taken_no_more() {
    let ((one, old), (two, new)) = (first(), second());
    let issuer = Issuer::start(&[one]).await;
    let local = serve(App::new(), fetching(&issuer.url, OFTEN)).await;
    let mut stays = connect(&local, &old).await;
    issuer.publish(&[two]);
    until_taken(&local, &old, false).await;
    assert!(connect(&local, &new).await.is_well().await);
    assert!(
        stays.is_well().await,
        "a connected client stays until the token expires"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_do_not_make_it_fetch() {
    let (one, good) = first();
    let issuer = Issuer::start(&[one]).await;
    let local = serve(App::new(), fetching(&issuer.url, SELDOM)).await;
    let begun = Instant::now();
    let forged = |number: usize| {
        let kid = format!("stranger {number}");
        by(&private("ec384"), Algorithm::ES384, Some(&kid))
    };
    for number in 0..50 {
        let told = refusal(&local, &json!({ "token": forged(number) })).await;
        assert_eq!(told, unauthenticated(UNSIGNED));
    }
    let most = 2 + begun.elapsed().as_secs() as usize / 10;
    assert!(
        (2..=most).contains(&issuer.asked()),
        "{} times, not {most}",
        issuer.asked()
    );
    assert!(connect(&local, &good).await.is_well().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_good_keys_go_on_where_fetching_fails() {
    let ((one, old), (two, new)) = (first(), second());
    let issuer = Issuer::start(&[one]).await;
    let local = serve(App::new(), fetching(&issuer.url, OFTEN)).await;
    let huge = format!(r#"{{"keys":[],"padding":"{}"}}"#, "x".repeat(300_000));
    for (status, text) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "broken"),
        (StatusCode::FOUND, ""),
        (StatusCode::OK, "<html>"),
        (StatusCode::OK, r#"{"keys":[]}"#),
        (StatusCode::OK, &huge),
    ] {
        issuer.says(status, text);
        issuer.is_asked_again(3).await;
        assert!(connect(&local, &old).await.is_well().await, "{status} {text:.20}");
    }
    *issuer.said.lock().unwrap() = Said::NoEnd;
    issuer.is_asked_again(2).await;
    // The first of these two came to nothing, as the second would not have begun.
    assert!(connect(&local, &old).await.is_well().await);

    issuer.publish(&[two]);
    until_taken(&local, &new, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_published_is_none() {
    let (one, good) = first();
    let secret = {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": BASE64_URL_SAFE_NO_PAD.encode(SECRET)})
    };
    let issuer = Issuer::start(&[one, secret.clone()]).await;
    let local = serve(App::new(), fetching(&issuer.url, SELDOM)).await;
    assert!(connect(&local, &good).await.is_well().await);
    for kid in [Some("s"), Some("1"), None] {
        let forged = by_secret(SECRET, kid);
        let told = refusal(&local, &json!({ "token": forged })).await;
        assert_eq!(told, unauthenticated(UNSIGNED), "{kid:?}");
    }
    issuer.publish(&[secret]);
    let told = at_start(&issuer.url).await;
    assert!(told.contains("nothing but secrets"), "{told}");
}

/// Why a server with this address for its keys does not start.
async fn at_start(url: &str) -> String {
    let config = Config {
        port: 0,
        ..configured(fetching(url, SELDOM))
    };
    let started = within_patience("an error", App::new().config(config).start()).await;
    match started.unwrap_err() {
        StartError::Keys(error) => error.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_cannot_be_fetched_are_an_error_at_start() {
    for none in ["keys.json", "ftp://a.example/keys"] {
        let told = format!("'{none}' is no address of a key set: it begins with https:// or http://");
        assert_eq!(at_start(none).await, told);
    }
    let issuer = Issuer::start(&[]).await;
    let at = |why: &str| format!("cannot fetch the keys at {}: {why}", issuer.url);
    for (status, why) in [
        (StatusCode::NOT_FOUND, "HTTP 404 Not Found"),
        (StatusCode::FOUND, "HTTP 302 Found"),
    ] {
        issuer.says(status, "");
        assert_eq!(at_start(&issuer.url).await, at(why));
    }
    issuer.says(StatusCode::OK, "x".repeat(300_000));
    assert!(at_start(&issuer.url).await.starts_with(&at("")), "too large");
    issuer.says(StatusCode::OK, "keys");
    let told = format!(
        "{} holds no key for tokens: it is no JSON Web Key Set",
        issuer.url
    );
    assert_eq!(at_start(&issuer.url).await, told);
    *issuer.said.lock().unwrap() = Said::NoEnd;
    assert_eq!(at_start(&issuer.url).await, at("it took too long"));
    // A listener that hangs up on all: a port that is free may be another story's by then.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/keys.json", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let told = at_start(&nobody).await;
    assert!(
        told.starts_with(&format!("cannot fetch the keys at {nobody}: ")),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_by_tls_from_whom_the_system_believes() {
    let (one, good) = first();
    let pair = Pair::new();
    let set = json!({ "keys": [one] }).to_string();
    let publishing = Router::new().route("/keys.json", get(async move || set));
    let config = Config {
        tls: TlsConfig {
            cert: Some((&pair.cert).into()),
            key: Some((&pair.key).into()),
            ..TlsConfig::default()
        },
        ..Config::default()
    };
    let issuer = Local::start(App::new().routes(publishing), config).await;
    let url = format!("{}/keys.json", issuer.server.url());
    let believing = format!("export SSL_CERT_FILE={}", pair.cert);
    let flags = ["--auth-keys-url", &url];
    let server = tokio::task::block_in_place(|| Program::start_after(&believing, &flags));
    let mut client = RawClient::connect_with(&server.url, &json!({ "token": good })).await;
    assert!(client.is_well().await);

    let stranger = Pair::new();
    let (done, _, told) = tokio::task::block_in_place(|| {
        let flags = ["serve", "--port", "0", "--auth-keys-url", &url];
        updraft_with(&[("SSL_CERT_FILE", &stranger.cert)], &flags, "")
    });
    let expected = format!("error: cannot fetch the keys at {url}: ");
    assert!(
        !done && told.starts_with(&expected) && told.contains("certificate"),
        "{told}"
    );
}
