//! Keys of every kind, several at once, and one that takes the place of another.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use updraft::{App, AuthConfig, StartError};

use super::{
    OTHER, SECRET, auth, claims, configured, connect, refusal, serve, signed, token, unauthenticated,
};
use crate::support::within_patience;

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/auth/keys");
pub(super) const UNSIGNED: &str = "the token is not signed with a key that is known here";

pub(super) fn private(name: &str) -> EncodingKey {
    let pem = fs::read(format!("{KEYS}/{name}.pem")).unwrap();
    match name {
        "rsa" => EncodingKey::from_rsa_pem(&pem).unwrap(),
        "ed" => EncodingKey::from_ed_pem(&pem).unwrap(),
        _ => EncodingKey::from_ec_pem(&pem).unwrap(),
    }
}

pub(super) fn by(key: &EncodingKey, algorithm: Algorithm, kid: Option<&str>) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
    signed(&header, &claims(json!({})), key)
}

pub(super) fn by_secret(secret: &str, kid: Option<&str>) -> String {
    by(
        &EncodingKey::from_secret(secret.as_bytes()),
        Algorithm::HS256,
        kid,
    )
}

fn files(keys: &[&str]) -> AuthConfig {
    AuthConfig {
        secrets: Vec::new(),
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        ..auth()
    }
}

#[tokio::test]
async fn every_algorithm_is_taken_with_its_own_key_alone() {
    use Algorithm::*;
    let kinds = [
        ("rsa", vec![RS256, RS384, RS512, PS256]),
        ("ec256", vec![ES256]),
        ("ec384", vec![ES384]),
        ("ed", vec![EdDSA]),
    ];
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    for (name, algorithms) in &kinds {
        let public = format!("{KEYS}/{name}.pub.pem");
        let local = serve(App::new(), files(&[&public])).await;
        for algorithm in algorithms {
            let good = by(&private(name), *algorithm, None);
            assert!(connect(&local, &good).await.is_well().await, "{algorithm:?}");
        }
        for (other, algorithms) in kinds.iter().filter(|(other, _)| other != name) {
            let told = refusal(
                &local,
                &json!({"token": by(&private(other), algorithms[0], None)}),
            )
            .await;
            assert_eq!(told, unauthenticated(UNSIGNED), "{other} is not {name}");
        }
        let bytes = EncodingKey::from_secret(&fs::read(&public).unwrap());
        for forged in [
            by(&secret, HS256, None),
            by(&bytes, HS256, None),
            by(&bytes, HS384, None),
        ] {
            assert_eq!(
                refusal(&local, &json!({"token": forged})).await,
                unauthenticated(UNSIGNED)
            );
        }
    }
    let local = serve(App::new(), auth()).await;
    for algorithm in [HS256, HS384, HS512] {
        assert!(
            connect(&local, &by(&secret, algorithm, None))
                .await
                .is_well()
                .await,
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn a_kid_chooses_among_keys() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, secret: &str| {
        let path = directory.path().join(name);
        fs::write(&path, secret).unwrap();
        path.display().to_string()
    };
    let (old, new) = (file("old", SECRET), file("new", &format!("{OTHER}\n")));
    let both = files(&[&format!("old={old}"), &format!("new={new}")]);
    let local = serve(App::new(), both).await;
    for good in [
        by_secret(SECRET, Some("old")),
        by_secret(OTHER, Some("new")),
        by_secret(SECRET, None),
        by_secret(OTHER, None),
    ] {
        assert!(connect(&local, &good).await.is_well().await);
    }
    let long = "x".repeat(3000);
    for (secret, kid) in [
        (SECRET, "new"),
        (OTHER, "old"),
        (SECRET, "unknown"),
        (SECRET, ""),
        (SECRET, "../old"),
        (SECRET, &long),
    ] {
        let told = refusal(&local, &json!({"token": by_secret(secret, Some(kid))})).await;
        assert_eq!(told, unauthenticated(UNSIGNED), "{kid:.10}");
    }
    // Where keys have no kid, tokens may have any.
    let local = serve(App::new(), auth()).await;
    assert!(
        connect(&local, &by_secret(SECRET, Some("whatever")))
            .await
            .is_well()
            .await
    );
}

/// Tries until a token is taken, or is not any more.
pub(super) async fn until_taken(local: &crate::support::Local, token: &str, taken: bool) {
    within_patience("the keys to be read again", async {
        loop {
            let mut client = crate::support::RawClient::open(&local.url).await;
            client.send(&format!("40{}", json!({ "token": token }))).await;
            client.text().await;
            if client.text().await.starts_with("40") == taken {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_replaced_while_the_server_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let set = |keys: &[Value]| fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    let secret = |kid: &str, secret: &str| json!({"kty": "oct", "kid": kid, "alg": "HS256", "k": BASE64_URL_SAFE_NO_PAD.encode(secret)});
    set(&[secret("1", SECRET)]);
    let local = serve(App::new(), files(&[path.to_str().unwrap()])).await;
    let (old, new) = (by_secret(SECRET, Some("1")), by_secret(OTHER, Some("2")));
    assert!(connect(&local, &old).await.is_well().await);
    assert_eq!(
        refusal(&local, &json!({ "token": new })).await,
        unauthenticated(UNSIGNED)
    );

    set(&[secret("1", SECRET), secret("2", OTHER)]);
    until_taken(&local, &new, true).await;
    let mut stays = connect(&local, &old).await;
    assert!(stays.is_well().await);

    set(&[secret("2", OTHER)]);
    until_taken(&local, &old, false).await;
    assert!(
        stays.is_well().await,
        "a connected client stays until the token expires"
    );

    // What cannot be read leaves the keys as they were.
    fs::write(&path, "{").unwrap();
    let broken = std::time::Instant::now();
    while broken.elapsed() < std::time::Duration::from_secs(2) {
        assert!(
            connect(&local, &new).await.is_well().await,
            "for longer than the file goes unseen"
        );
    }
}

/// The public half of a key as it stands in a set, with these members beside.
pub(super) fn jwk(name: &str, kid: &str, more: Value) -> Value {
    let key = private(name);
    let algorithm = match name {
        "rsa" => Algorithm::RS256,
        _ => Algorithm::ES256,
    };
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
    let members = jwk.as_object_mut().unwrap();
    members.remove("alg");
    members.insert("kid".into(), kid.into());
    members.extend(more.as_object().unwrap().clone());
    jwk
}

#[tokio::test]
async fn a_key_set_says_what_its_keys_are_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let keys = json!({"keys": [
        jwk("rsa", "any", json!({"use": "sig"})),
        jwk("rsa", "only", json!({"alg": "RS512"})),
        jwk("ec256", "encrypts", json!({"use": "enc"})),
        {"kty": "oct", "kid": "empty", "k": ""},
        {"kty": "XYZ", "kid": "strange", "x": "y"},
    ]});
    fs::write(&path, keys.to_string()).unwrap();
    let local = serve(App::new(), files(&[path.to_str().unwrap()])).await;
    let rsa = private("rsa");
    for (algorithm, kid, taken) in [
        (Algorithm::RS256, "any", true),
        (Algorithm::PS384, "any", true),
        (Algorithm::RS512, "only", true),
        (Algorithm::RS256, "only", false),
    ] {
        until_taken(&local, &by(&rsa, algorithm, Some(kid)), taken).await;
    }
    let encrypts = by(&private("ec256"), Algorithm::ES256, Some("encrypts"));
    let empty = by(&EncodingKey::from_secret(b""), Algorithm::HS256, Some("empty"));
    for token in [encrypts, empty] {
        assert_eq!(
            refusal(&local, &json!({ "token": token })).await,
            unauthenticated(UNSIGNED)
        );
    }
}

#[tokio::test]
async fn keys_that_are_none_are_an_error_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let start = async |path: &Path| {
        let config = configured(files(&[path.to_str().unwrap()]));
        let started = App::new()
            .config(updraft::Config { port: 0, ..config })
            .start()
            .await;
        match started.unwrap_err() {
            StartError::Keys(error) => error.to_string(),
            other => panic!("{other}"),
        }
    };
    let path = directory.path().join("key");
    assert!(
        start(&path).await.starts_with("cannot read the keys in "),
        "it is not there"
    );
    let private = fs::read_to_string(format!("{KEYS}/rsa.pem")).unwrap();
    for (text, why) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        (&private, "it is a private key"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "it is no public key",
        ),
        ("{\"keys\":[]}", "none of its set"),
        ("{\"keys\":5}", "it is no JSON Web Key Set"),
    ] {
        fs::write(&path, text).unwrap();
        let told = start(&path).await;
        assert!(told.contains(why) && told.contains("key"), "{told}");
        assert!(text.len() < 30 || !told.contains(&text[30..]), "{told}");
    }
}

#[tokio::test]
async fn the_proof_of_concepts_subject_is_where_it_is_configured() {
    let elsewhere = AuthConfig {
        subject: "data.id".to_owned(),
        ..auth()
    };
    let local = serve(App::new(), elsewhere).await;
    let good = token(json!({"sub": null, "data": {"id": 17, "account_type": 1}}));
    let mut client = connect(&local, &good).await;
    let me = client.call(&json!({"event": "api.me.whoami"})).await;
    assert_eq!(me["data"]["subject"], "17");
    let told = refusal(&local, &json!({"token": token(json!({}))})).await;
    assert_eq!(told, unauthenticated("the token does not say whose it is"));
}
