//! The nodes of each namespace, by what is heard of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
#[cfg(feature = "postgres")]
use std::{collections::HashSet, time::Duration};

/// From one heartbeat to the next.
#[cfg(feature = "postgres")]
pub(in crate::net::rooms::bus) const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long nodes have to say that they are there, from when this one hears their namespace on.
#[cfg(feature = "postgres")]
const HELLO: Duration = Duration::from_millis(500);

/// A node that was not heard for so long is no more.
#[cfg(feature = "postgres")]
const DEAD: Duration = Duration::from_secs(10);

/// The namespaces that this node hears, and the other nodes in them.
#[derive(Default)]
pub(in crate::net::rooms::bus) struct Roster {
    namespaces: Mutex<HashMap<Arc<str>, Heard>>,
    is_connected: AtomicBool,
}

/// The other nodes of a namespace, where they say by heartbeats that they are there.
#[cfg(feature = "postgres")]
#[derive(Clone, Debug)]
pub(in crate::net::rooms::bus) struct Known {
    pub(in crate::net::rooms::bus) nodes: HashSet<String>,
    /// Whether all have had the time to say that they are there.
    pub(in crate::net::rooms::bus) are_all: bool,
}

/// A namespace that is heard.
#[derive(Default)]
struct Heard {
    joined: usize,
    /// When it began to be heard.
    since: Option<Instant>,
    /// When each node was heard last.
    #[cfg(feature = "postgres")]
    nodes: HashMap<String, Instant>,
}

impl Roster {
    /// Hears a namespace once more; whether that is the first time.
    pub(in crate::net::rooms::bus) fn join(&self, namespace: &Arc<str>) -> bool {
        let mut namespaces = self.namespaces();
        let heard = namespaces.entry(namespace.clone()).or_default();
        heard.joined += 1;
        heard.joined == 1
    }

    /// Hears a namespace once less; whether that was the last time.
    pub(in crate::net::rooms::bus) fn leave(&self, namespace: &str) -> bool {
        let mut namespaces = self.namespaces();
        let Some(heard) = namespaces.get_mut(namespace) else {
            return false;
        };
        heard.joined -= 1;
        let is_last = heard.joined == 0;
        if is_last {
            namespaces.remove(namespace);
        }
        is_last
    }

    /// All namespaces that are heard.
    pub(in crate::net::rooms::bus) fn all(&self) -> Vec<Arc<str>> {
        self.namespaces().keys().cloned().collect()
    }

    /// Those that are not heard yet.
    pub(in crate::net::rooms::bus) fn unheard(&self) -> Vec<Arc<str>> {
        let namespaces = self.namespaces();
        let unheard = namespaces.iter().filter(|(_, heard)| heard.since.is_none());
        unheard.map(|(name, _)| name.clone()).collect()
    }

    /// A namespace begins to be heard.
    pub(in crate::net::rooms::bus) fn begin(&self, namespace: &str) {
        if let Some(heard) = self.namespaces().get_mut(namespace) {
            heard.since = Some(Instant::now());
        }
    }

    /// Whether a namespace is heard already; `None` while nothing can be heard.
    #[cfg(feature = "redis")]
    pub(in crate::net::rooms::bus) fn is_heard(&self, namespace: &str) -> Option<bool> {
        if !self.is_connected.load(Ordering::Acquire) {
            return None;
        }
        let namespaces = self.namespaces();
        let heard = namespaces.get(namespace);
        Some(heard.is_none_or(|heard| heard.since.is_some()))
    }

    /// Whether anything can be heard; nodes of before are forgotten where not.
    pub(in crate::net::rooms::bus) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Release);
        if !is_connected {
            for heard in self.namespaces().values_mut() {
                #[cfg(feature = "postgres")]
                heard.nodes.clear();
                heard.since = None;
            }
        }
    }

    fn namespaces(&self) -> MutexGuard<'_, HashMap<Arc<str>, Heard>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nodes that say by heartbeats that they are there.
#[cfg(feature = "postgres")]
impl Roster {
    /// The name of a namespace that is heard.
    pub(in crate::net::rooms::bus) fn find(&self, namespace: &str) -> Option<Arc<str>> {
        let namespaces = self.namespaces();
        namespaces.get_key_value(namespace).map(|(name, _)| name.clone())
    }

    /// A node was heard.
    pub(in crate::net::rooms::bus) fn hear(&self, namespace: &str, uid: &str) {
        if let Some(heard) = self.namespaces().get_mut(namespace) {
            match heard.nodes.get_mut(uid) {
                Some(last) => *last = Instant::now(),
                None => _ = heard.nodes.insert(uid.to_owned(), Instant::now()),
            }
        }
    }

    /// A node is no more.
    pub(in crate::net::rooms::bus) fn forget(&self, namespace: &str, uid: &str) {
        if let Some(heard) = self.namespaces().get_mut(namespace) {
            heard.nodes.remove(uid);
        }
    }

    /// Forgets nodes that are no more.
    pub(in crate::net::rooms::bus) fn prune(&self) {
        for heard in self.namespaces().values_mut() {
            heard.nodes.retain(|_, last| last.elapsed() < DEAD);
        }
    }

    /// The other nodes in a namespace; `None` while nothing can be heard.
    pub(in crate::net::rooms::bus) fn nodes(&self, namespace: &str) -> Option<Known> {
        if !self.is_connected.load(Ordering::Acquire) {
            return None;
        }
        let mut namespaces = self.namespaces();
        let Some(heard) = namespaces.get_mut(namespace) else {
            return Some(Known {
                nodes: HashSet::new(),
                are_all: true,
            });
        };
        heard.nodes.retain(|_, last| last.elapsed() < DEAD);
        Some(Known {
            nodes: heard.nodes.keys().cloned().collect(),
            are_all: heard.since.is_some_and(|since| since.elapsed() >= HELLO),
        })
    }
}
