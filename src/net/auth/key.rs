//! Keys that tokens are signed with, as they are written: secrets, PEM, JSON Web Key Sets.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse},
};

/// Bytes of a secret that is not guessed.
const STRONG: usize = 32;

/// The error for a malformed key set.
const NO_SET: &str = "it is no JSON Web Key Set";

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file that cannot be read.
    #[error("cannot read the keys in {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A file, or an address, without a key in it.
    #[error("{file} holds no key for tokens: {why}")]
    Key {
        /// The file, or the address.
        file: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An address that is none.
    #[error("'{0}' is no address of a key set: it begins with https:// or http://")]
    Address(String),
    /// A key set that cannot be fetched.
    #[error("cannot fetch the keys at {url}: {why}")]
    Fetch {
        /// Its address.
        url: String,
        /// Why not.
        why: String,
    },
    /// A secret that is empty.
    #[error("a secret for tokens is empty")]
    Empty,
}

/// A key, and what it may be used for.
#[derive(Clone)]
pub(super) struct Key {
    kid: Option<String>,
    pub(super) key: DecodingKey,
    /// Those of its kind: a secret is never used as a public key, nor the other way round.
    pub(super) algorithms: Vec<Algorithm>,
}

impl Key {
    fn new(kid: Option<String>, key: DecodingKey) -> Self {
        Self {
            algorithms: key.family().algorithms().to_vec(),
            kid,
            key,
        }
    }

    /// Whether it is the one of this name.
    pub(super) fn is_of(&self, kid: &str) -> bool {
        self.kid.as_deref() == Some(kid)
    }

    /// Whether it has no name, and may be that of any token.
    pub(super) fn is_anyones(&self) -> bool {
        self.kid.is_none()
    }

    fn is_secret(&self) -> bool {
        self.key.family() == Algorithm::HS256.family()
    }
}

/// What looks like a public key is never taken for a secret.
pub(super) fn parse(kid: Option<&String>, text: &str) -> Result<Vec<Key>, &'static str> {
    if text.contains("-----BEGIN") {
        return Ok(vec![Key::new(kid.cloned(), pem(text)?)]);
    }
    if text.starts_with('{') {
        return set(text);
    }
    match secret_key(kid.cloned(), text) {
        Ok(key) => Ok(vec![key]),
        Err(_) => Err("it is empty"),
    }
}

fn pem(text: &str) -> Result<DecodingKey, &'static str> {
    if text.contains("PRIVATE KEY-----") {
        return Err("it is a private key, and tokens are checked with the public one");
    }
    let bytes = text.as_bytes();
    DecodingKey::from_rsa_pem(bytes)
        .or_else(|_| DecodingKey::from_ec_pem(bytes))
        .or_else(|_| DecodingKey::from_ed_pem(bytes))
        .map_err(|_| "it is no public key of RSA, of an elliptic curve, or of Ed25519")
}

/// The signature keys of a JSON Web Key Set; others are ignored.
fn set(text: &str) -> Result<Vec<Key>, &'static str> {
    let set: JwkSet = serde_json::from_str(text).map_err(|_| NO_SET)?;
    let keys: Vec<Key> = set
        .keys
        .iter()
        .filter(|key| is_for_signatures(key))
        .filter_map(from_set)
        .collect();
    match keys.is_empty() {
        true => Err("none of its set is for signatures that are known here"),
        false => Ok(keys),
    }
}

/// The keys of a public set: symmetric keys in it are ignored.
pub(super) fn published(text: &[u8]) -> Result<Vec<Key>, &'static str> {
    let text = str::from_utf8(text).map_err(|_| NO_SET)?;
    let mut keys = set(text)?;
    keys.retain(|key| !key.is_secret());
    match keys.is_empty() {
        true => Err("it is published, and holds nothing but secrets"),
        false => Ok(keys),
    }
}

fn is_for_signatures(key: &Jwk) -> bool {
    let usage = key.common.public_key_use.as_ref();
    let operations = key.common.key_operations.as_ref();
    usage.is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify))
}

fn from_set(jwk: &Jwk) -> Option<Key> {
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let mut key = Key::new(jwk.common.key_id.clone(), key);
    if key.is_secret() && key.key.try_get_as_bytes().is_ok_and(<[u8]>::is_empty) {
        return None;
    }
    if let Some(only) = &jwk.common.key_algorithm {
        let only = only.to_string();
        key.algorithms
            .retain(|algorithm| format!("{algorithm:?}") == only);
    }
    (!key.algorithms.is_empty()).then_some(key)
}

pub(super) fn secret_key(kid: Option<String>, secret: &str) -> Result<Key, KeyError> {
    if secret.is_empty() {
        return Err(KeyError::Empty);
    }
    if secret.len() < STRONG {
        tracing::warn!("a secret for tokens has less than {STRONG} bytes, and may be guessed");
    }
    Ok(Key::new(kid, DecodingKey::from_secret(secret.as_bytes())))
}
