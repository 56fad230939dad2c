//! The keys that tokens are signed with, from the configuration and from files, which are read again when they change.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse},
};

use crate::config::AuthConfig;

/// Before files are looked at again.
const FRESH: Duration = Duration::from_secs(1);

/// Bytes of a secret that is not guessed.
const STRONG: usize = 32;

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
    /// A file without a key in it.
    #[error("{file} holds no key for tokens: {why}")]
    Key {
        /// The file.
        file: String,
        /// What is wrong.
        why: &'static str,
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
    /// Those of its kind: a secret never stands for a public key, nor the other way round.
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
}

/// All keys.
pub(super) struct Keys {
    fixed: Vec<Key>,
    files: Mutex<Files>,
}

struct Files {
    files: Vec<File>,
    looked: Instant,
}

struct File {
    kid: Option<String>,
    path: PathBuf,
    /// When it was changed, and its length.
    stamp: Option<(SystemTime, u64)>,
    keys: Vec<Key>,
}

impl Keys {
    pub(super) fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let secrets = config
            .secrets
            .iter()
            .map(|secret| secret_key(None, secret.reveal()));
        let files = config.keys.iter().map(|file| File::open(file));
        Ok(Self {
            fixed: secrets.collect::<Result<_, _>>()?,
            files: Mutex::new(Files {
                files: files.collect::<Result<_, _>>()?,
                looked: Instant::now(),
            }),
        })
    }

    /// The keys that a token may be signed with: those of its `kid`; where there are none, those without one.
    pub(super) fn of(&self, kid: Option<&str>) -> Vec<Key> {
        let files = self.fresh();
        let all = || {
            self.fixed
                .iter()
                .chain(files.files.iter().flat_map(|file| &file.keys))
        };
        let Some(kid) = kid else {
            return all().cloned().collect();
        };
        let named: Vec<Key> = all()
            .filter(|key| key.kid.as_deref() == Some(kid))
            .cloned()
            .collect();
        match named.is_empty() {
            true => all().filter(|key| key.kid.is_none()).cloned().collect(),
            false => named,
        }
    }

    fn fresh(&self) -> MutexGuard<'_, Files> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.looked.elapsed() >= FRESH {
            files.looked = Instant::now();
            files.files.iter_mut().for_each(File::look_again);
        }
        files
    }
}

impl File {
    /// `KID=FILE`, or a file alone.
    fn open(file: &str) -> Result<Self, KeyError> {
        let (kid, path) = match file.split_once('=') {
            Some((kid, path)) => (Some(kid.to_owned()), path),
            None => (None, file),
        };
        let mut this = Self {
            kid,
            path: path.into(),
            stamp: None,
            keys: Vec::new(),
        };
        this.stamp = this.stamp();
        this.keys = this.read()?;
        Ok(this)
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    fn look_again(&mut self) {
        let stamp = self.stamp();
        if stamp == self.stamp {
            return;
        }
        match self.read() {
            Ok(keys) => {
                tracing::info!("the keys in {} were read again", self.path.display());
                (self.keys, self.stamp) = (keys, stamp);
            }
            Err(error) => tracing::warn!("{error}; those that were there before go on"),
        }
    }

    fn read(&self) -> Result<Vec<Key>, KeyError> {
        let file = self.path.display().to_string();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(source) => return Err(KeyError::Read { file, source }),
        };
        parse(self.kid.as_ref(), text.trim()).map_err(|why| KeyError::Key { file, why })
    }
}

/// What looks like a public key is never taken for a secret.
fn parse(kid: Option<&String>, text: &str) -> Result<Vec<Key>, &'static str> {
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

/// The keys of a JSON Web Key Set that are for signatures; others may stand among them.
fn set(text: &str) -> Result<Vec<Key>, &'static str> {
    let set: JwkSet = serde_json::from_str(text).map_err(|_| "it is no JSON Web Key Set")?;
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

fn is_for_signatures(key: &Jwk) -> bool {
    let usage = key.common.public_key_use.as_ref();
    let operations = key.common.key_operations.as_ref();
    usage.is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify))
}

fn from_set(jwk: &Jwk) -> Option<Key> {
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let is_secret = Algorithm::HS256.family() == key.family();
    if is_secret && key.try_get_as_bytes().is_ok_and(<[u8]>::is_empty) {
        return None;
    }
    let mut key = Key::new(jwk.common.key_id.clone(), key);
    if let Some(only) = &jwk.common.key_algorithm {
        let only = only.to_string();
        key.algorithms
            .retain(|algorithm| format!("{algorithm:?}") == only);
    }
    (!key.algorithms.is_empty()).then_some(key)
}

fn secret_key(kid: Option<String>, secret: &str) -> Result<Key, KeyError> {
    if secret.is_empty() {
        return Err(KeyError::Empty);
    }
    if secret.len() < STRONG {
        tracing::warn!("a secret for tokens has less than {STRONG} bytes, and may be guessed");
    }
    Ok(Key::new(kid, DecodingKey::from_secret(secret.as_bytes())))
}
