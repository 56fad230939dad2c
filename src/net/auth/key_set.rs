//! A key set at an address: fetched again from time to time, and for a key that is not known yet. What was fetched
//! last goes on where fetching fails.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use super::key::{Key, KeyError, published};
use crate::{config::shown_url, net::tls::fetch::Address};

/// Before it is tried again after it failed, at the latest.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Shortest time between two fetches for an unknown `kid`, which any client can send.
const FOR_UNKNOWN: Duration = Duration::from_secs(10);

pub(super) struct KeySet {
    /// Without its secrets.
    url: String,
    address: Address,
    keys: RwLock<Arc<[Key]>>,
    /// Locked during a fetch; when the set was last fetched for an unknown `kid`.
    turn: Mutex<Option<Instant>>,
}

impl KeySet {
    /// Fetches it for the first time, and from then on as often as this.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) async fn open(url: &str, every: Duration) -> Result<Arc<Self>, KeyError> {
        let address = Address::new(url).map_err(|error| KeyError::Fetch {
            url: shown_url(url),
            why: error.to_string(),
        })?;
        let address = address.ok_or_else(|| KeyError::Address(shown_url(url)))?;
        if !address.is_private() {
            tracing::warn!(
                "the keys at {} are fetched without TLS: an attacker in the network can replace them",
                shown_url(url)
            );
        }
        let this = Arc::new(Self {
            url: shown_url(url),
            address,
            keys: RwLock::new(Arc::new([])),
            turn: Mutex::default(),
        });
        this.fetch().await?;
        tokio::spawn(keep_fresh(Arc::downgrade(&this), every));
        Ok(this)
    }

    /// The keys that were fetched last.
    pub(super) fn keys(&self) -> Arc<[Key]> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn knows(&self, kid: &str) -> bool {
        self.keys().iter().any(|key| key.is_of(kid))
    }

    /// Fetches the set for an unknown `kid`. Concurrent callers wait for one fetch.
    pub(super) async fn look_for(&self, kid: &str) {
        let mut last = self.turn.lock().await;
        if self.knows(kid) || last.is_some_and(|last| last.elapsed() < FOR_UNKNOWN) {
            return;
        }
        *last = Some(Instant::now());
        if let Err(error) = self.fetch().await {
            tracing::warn!("{error}; those that were there before go on");
        }
    }

    async fn fetch(&self) -> Result<(), KeyError> {
        let fetched = self.address.fetch().await.map_err(|error| KeyError::Fetch {
            url: self.url.clone(),
            why: error.to_string(),
        })?;
        let keys = published(&fetched).map_err(|why| KeyError::Key {
            file: self.url.clone(),
            why,
        })?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
        Ok(())
    }
}

/// For as long as the set is in use.
async fn keep_fresh(set: Weak<KeySet>, every: Duration) {
    let mut pause = every;
    loop {
        tokio::time::sleep(pause).await;
        let Some(set) = set.upgrade() else {
            return;
        };
        let _turn = set.turn.lock().await;
        pause = match set.fetch().await {
            Ok(()) => every,
            Err(error) => {
                tracing::warn!("{error}; those that were there before go on");
                every.min(AFTER_FAILURE)
            }
        };
    }
}
