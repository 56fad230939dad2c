//! Stock clients over HTTPS and WSS, and the program's own.

use serde_json::json;
use tempfile::NamedTempFile;
use updraft::{App, AuthConfig, Config, Module, TlsConfig};

use super::{Pair, Secure};
use crate::support::{Local, PATIENT, node_with, updraft_with};

#[test]
fn stock_clients_of_every_generation_call_over_tls() {
    let pair = Pair::new();
    let server = pair.serve(&[]);
    let believing = [("NODE_EXTRA_CA_CERTS", pair.cert.as_str())];
    for generation in ["2", "3", "4"] {
        for transport in ["websocket", "polling", "upgraded"] {
            for script in ["modules.mjs", "forms.mjs"] {
                node_with(&believing, script, &[&server.url, generation, transport]);
            }
        }
    }
}

#[test]
fn nothing_is_lost_over_tls_when_much_is_said_at_once() {
    let pair = Pair::new();
    let server = pair.serve(&PATIENT);
    let believing = [("NODE_EXTRA_CA_CERTS", pair.cert.as_str())];
    for transport in ["websocket", "polling", "upgraded"] {
        node_with(&believing, "first.mjs", &[&server.url, "4", transport, "10"]);
        node_with(&believing, "flood.mjs", &[&server.url, "4", transport, "20000"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_over_tls_hears_why() {
    let pair = Pair::new();
    let secret = "a secret of the stories that is long enough to be one";
    let config = Config {
        tls: TlsConfig {
            cert: Some((&pair.cert).into()),
            key: Some((&pair.key).into()),
            ..TlsConfig::default()
        },
        auth: AuthConfig {
            secrets: vec![secret.into()],
            ..AuthConfig::default()
        },
        ..Config::default()
    };
    let whoami = async || updraft::Json(json!({"subject": "ada", "account": 1}));
    let app = App::new().module(Module::new("api.me").on("whoami", whoami));
    let local = Local::start(app, config).await;
    let claims = json!({"sub": "ada", "exp": 4_000_000_000_u32});
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let good = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let bad = [("no token", "nonsense", "the token is no JWT that is taken here")];
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({"good": good, "bad": bad}).to_string()).unwrap();
    let (url, file) = (local.server.url(), file.into_temp_path());
    tokio::task::spawn_blocking(move || {
        for generation in ["2", "4"] {
            for transport in ["websocket", "polling", "upgraded"] {
                let arguments = [&url, generation, transport, file.to_str().unwrap()];
                node_with(&[("NODE_EXTRA_CA_CERTS", &pair.cert)], "tokens.mjs", &arguments);
            }
        }
    })
    .await
    .unwrap();
}

#[test]
fn the_program_calls_over_tls_whom_its_system_believes() {
    let pair = Pair::new();
    let server = pair.serve(&[]);
    let patient = ["call", "--timeout", "2m", "--url", &server.url];
    let call = [&patient[..], &["api.services.status"]].concat();
    let (done, said, told) = updraft_with(&[("SSL_CERT_FILE", &pair.cert)], &call, "");
    assert!(done && said == "\"online\"\n", "{told}");
    let stranger = Pair::new();
    let (done, _, told) = updraft_with(&[("SSL_CERT_FILE", &stranger.cert)], &call, "");
    let expected = format!("error: cannot reach a server at {}: ", server.url);
    assert!(!done && told.starts_with(&expected), "{told}");
    assert!(told.contains("certificate"), "{told}");
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_alone_unless_that_is_not_wanted() {
    let pair = Pair::new();
    const POLL: &str = "/socket.io/?EIO=4&transport=polling";
    for (flags, told) in [
        (vec![], Some("strict-transport-security: max-age=31536000\r\n")),
        (
            vec!["--tls-hsts", "1h"],
            Some("strict-transport-security: max-age=3600\r\n"),
        ),
        (vec!["--tls-hsts", "0s"], None),
    ] {
        let server = pair.serve(&flags);
        for path in ["/", "/health/live", "/nowhere", POLL] {
            let mut client = Secure::open(&server, &pair).await.unwrap();
            let answer = client.get(path).await.unwrap();
            let is_told = answer.contains("strict-transport-security");
            assert_eq!(is_told, told.is_some(), "{path}: {answer}");
            assert!(told.is_none_or(|told| answer.contains(told)), "{path}: {answer}");
        }
    }
}
