//! What there is by its name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Those that live, by their names.
pub(super) struct Registry<T>(Mutex<HashMap<Box<str>, Arc<T>>>);

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Registry<T> {
    pub(super) fn insert(&self, name: &str, one: Arc<T>) {
        self.lock().insert(name.into(), one);
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<T>> {
        self.lock().get(name).cloned()
    }

    pub(super) fn remove(&self, name: &str) {
        // Dropped behind the lock.
        let removed = self.lock().remove(name);
        drop(removed);
    }

    pub(super) fn all(&self) -> Vec<Arc<T>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
