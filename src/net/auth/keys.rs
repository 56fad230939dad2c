//! All keys that tokens may be signed with: from the configuration, from files, which are read again when they change,
//! and from key sets at an address.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::{join_all, try_join_all};

use super::{
    key::{Key, KeyError, parse, secret_key},
    key_set::KeySet,
};
use crate::config::AuthConfig;

/// Before files are looked at again.
const FRESH: Duration = Duration::from_secs(1);

/// All keys.
pub(super) struct Keys {
    fixed: Vec<Key>,
    files: Mutex<Files>,
    sets: Vec<Arc<KeySet>>,
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

/// Reads secrets and files of keys, to see that a server could.
///
/// # Errors
/// The first that cannot be had.
pub(crate) fn check(config: &AuthConfig) -> Result<(), KeyError> {
    secrets(config)?;
    files(config).map(drop)
}

fn secrets(config: &AuthConfig) -> Result<Vec<Key>, KeyError> {
    let secrets = config.secrets.iter();
    secrets.map(|secret| secret_key(None, secret.reveal())).collect()
}

fn files(config: &AuthConfig) -> Result<Vec<File>, KeyError> {
    config.keys.iter().map(|file| File::open(file)).collect()
}

impl Keys {
    /// Reads the files, and fetches the key sets.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub(super) async fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let sets = config.keys_url.iter();
        let sets = sets.map(|url| KeySet::open(url, config.keys_refresh));
        Ok(Self {
            fixed: secrets(config)?,
            files: Mutex::new(Files {
                files: files(config)?,
                looked: Instant::now(),
            }),
            sets: try_join_all(sets).await?,
        })
    }

    /// Looks for a key of this name where sets are fetched, unless it is here.
    pub(super) async fn look_for(&self, kid: Option<&str>) {
        let Some(kid) = kid.filter(|_| !self.sets.is_empty()) else {
            return;
        };
        if !self.all().iter().any(|key| key.is_of(kid)) {
            join_all(self.sets.iter().map(|set| set.look_for(kid))).await;
        }
    }

    /// The keys that a token may be signed with: those of its `kid`; where there are none, those without one.
    pub(super) fn of(&self, kid: Option<&str>) -> Vec<Key> {
        let all = self.all();
        let Some(kid) = kid else {
            return all;
        };
        let is_named = all.iter().any(|key| key.is_of(kid));
        all.into_iter()
            .filter(|key| match is_named {
                true => key.is_of(kid),
                false => key.is_anyones(),
            })
            .collect()
    }

    fn all(&self) -> Vec<Key> {
        let sets: Vec<_> = self.sets.iter().map(|set| set.keys()).collect();
        let files = self.fresh();
        let in_files = files.files.iter().flat_map(|file| &file.keys);
        let in_sets = sets.iter().flat_map(|set| set.iter());
        self.fixed
            .iter()
            .chain(in_files)
            .chain(in_sets)
            .cloned()
            .collect()
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
