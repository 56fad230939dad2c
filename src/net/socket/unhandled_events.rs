//! Events that no function is registered for: each name is logged once, with what to do about it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Most names that are logged.
const NAMES: usize = 100;

/// Longest name in the log.
const SHOWN: usize = 100;

#[derive(Default)]
pub(in crate::net) struct UnhandledEvents(Mutex<Logged>);

#[derive(Default)]
struct Logged {
    names: HashSet<Box<str>>,
    is_full: bool,
}

impl UnhandledEvents {
    /// An event of this name came in a namespace. It is what a client wrote, so no more than the name is logged, in escapes.
    pub(in crate::net) fn log(&self, namespace: &str, name: &str) {
        let shown = &name[..name.floor_char_boundary(SHOWN)];
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{namespace},{shown}");
        if logged.names.contains(key.as_str()) {
            return;
        }
        if logged.names.len() < NAMES {
            logged.names.insert(key.into());
            drop(logged);
            return tracing::warn!(
                "a client emits {shown:?} in namespace '{namespace}', and no function hears it: register one, as in \
                 Namespace::new({namespace:?}).on({shown:?}, function), or .fallback(function) for all; where it is to call a \
                 module, it is emitted as 'event', {{event: 'module.function', data: …}}"
            );
        }
        if !std::mem::replace(&mut logged.is_full, true) {
            tracing::warn!(
                "clients emit more than {NAMES} names that no function hears: further ones are only counted"
            );
        }
    }
}
