//! The open streams of a socket, by their names.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytestring::ByteString;
use serde_json::json;

use crate::error::{CallError, Code, Result};

/// The open streams of a socket.
pub(crate) struct Table<S>(Mutex<HashMap<ByteString, Arc<S>>>);

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S> Table<S> {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<S>> {
        self.lock().get(name).cloned()
    }

    /// # Errors
    /// [`Code::Conflict`] where one of this name is open, [`Code::Overloaded`] where so many are.
    pub(super) fn enter(&self, name: &ByteString, stream: &Arc<S>, most: usize) -> Result<()> {
        let mut streams = self.lock();
        let is_full = streams.len() >= most;
        match streams.entry(name.clone()) {
            Entry::Occupied(_) => Err(CallError::new(Code::Conflict, "a stream of this name is open")),
            Entry::Vacant(_) if is_full => {
                let full = CallError::new(Code::Overloaded, format!("a socket has {most} streams at most"));
                Err(full.with_details(json!({ "most": most })))
            }
            Entry::Vacant(free) => {
                free.insert(stream.clone());
                Ok(())
            }
        }
    }

    /// The stream is out of the table, if it is in there still; another one of its name stays.
    pub(super) fn leave(&self, name: &str, stream: &S) {
        let mut streams = self.lock();
        if streams
            .get(name)
            .is_some_and(|found| std::ptr::eq(&**found, stream))
        {
            streams.remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ByteString, Arc<S>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
