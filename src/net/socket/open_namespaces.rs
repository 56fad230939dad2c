//! The namespaces that sockets are in. Those that are declared by name are always open; one that is made of data comes with its
//! first socket, and nothing is left of it when the last has gone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use crate::call::{
    pattern::NamespaceName,
    registry::Registry,
    table::{Route, Table},
};

/// All of a server.
pub(in crate::net) struct OpenNamespaces {
    declared: HashMap<Box<str>, Arc<OpenNamespace>>,
    made: Made,
}

/// Those that are made of data.
type Made = Arc<Mutex<HashMap<Box<str>, Weak<OpenNamespace>>>>;
type WeakMade = Weak<Mutex<HashMap<Box<str>, Weak<OpenNamespace>>>>;

/// A namespace that sockets are in, or may be.
pub(in crate::net) struct OpenNamespace {
    pub(in crate::net) name: Arc<NamespaceName>,
    pub(in crate::net) table: Arc<Table>,
    made: WeakMade,
}

impl OpenNamespaces {
    pub(in crate::net) fn new(registry: &Registry) -> Self {
        let mut this = Self {
            declared: HashMap::new(),
            made: Made::default(),
        };
        for table in registry.namespaces().iter().filter(|table| table.is_exact()) {
            let found = registry.namespaces().find(table.name());
            let opened = found.map(|(table, name)| opened(table.clone(), name, Weak::new()));
            if let Some(opened) = opened {
                this.declared.insert(table.name().into(), Arc::new(opened));
            }
        }
        this
    }

    /// The namespace of this name, where it may be.
    pub(in crate::net) fn find(&self, registry: &Registry, name: &str) -> Option<Arc<OpenNamespace>> {
        if let Some(declared) = self.declared.get(name) {
            return Some(declared.clone());
        }
        let (table, found) = registry.namespaces().find(name)?;
        let mut made = lock(&self.made);
        if let Some(open) = made.get(name).and_then(Weak::upgrade) {
            return Some(open);
        }
        let opened = Arc::new(opened(table.clone(), found, Arc::downgrade(&self.made)));
        made.insert(name.into(), Arc::downgrade(&opened));
        Some(opened)
    }

    /// Those that are declared by name.
    pub(in crate::net) fn declared(&self) -> Vec<Arc<str>> {
        self.declared.keys().map(|name| Arc::from(&**name)).collect()
    }

    /// How many are made of data.
    #[cfg(test)]
    pub(in crate::net) fn made(&self) -> usize {
        lock(&self.made).len()
    }
}

impl OpenNamespace {
    /// What an event of this name is for here.
    pub(in crate::net) fn route(&self, name: &str) -> Option<Route> {
        self.table.route(name)
    }
}

impl Drop for OpenNamespace {
    fn drop(&mut self) {
        let Some(made) = self.made.upgrade() else {
            return;
        };
        let mut made = lock(&made);
        // Another of the same name may be open already.
        if made
            .get(self.name.as_str())
            .is_some_and(|open| open.strong_count() == 0)
        {
            made.remove(self.name.as_str());
        }
    }
}

fn opened(table: Arc<Table>, name: NamespaceName, made: WeakMade) -> OpenNamespace {
    let name = Arc::new(name);
    OpenNamespace { name, table, made }
}

fn lock<T>(made: &Mutex<T>) -> MutexGuard<'_, T> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{namespace::Namespace, states::States};

    async fn nothing() {}

    fn open(namespaces: Vec<Namespace>) -> (Registry, OpenNamespaces) {
        let registry = Registry::with_namespaces(Vec::new(), namespaces, &States::default()).unwrap();
        let open = OpenNamespaces::new(&registry);
        (registry, open)
    }

    #[test]
    fn nothing_is_left_of_a_namespace_whose_last_socket_has_gone() {
        let (registry, open) = open(vec![Namespace::matching("/game/{id}").on("turn", nothing)]);
        for number in 0..10_000 {
            let name = format!("/game/{number}");
            let first = open.find(&registry, &name).unwrap();
            let second = open.find(&registry, &name).unwrap();
            assert!(Arc::ptr_eq(&first, &second));
            assert_eq!(first.name.parameter("id"), Some(&*number.to_string()));
            drop(first);
            assert_eq!(open.made(), 1);
        }
        assert_eq!(open.made(), 0);
        assert!(open.find(&registry, "/games/1").is_none());
    }

    #[test]
    fn the_root_is_always_open_and_a_name_goes_before_a_pattern() {
        let (registry, open) = open(vec![
            Namespace::matching("/{any}").on("of a pattern", nothing),
            Namespace::new("/chat").on("of a name", nothing),
        ]);
        assert!(open.find(&registry, "/").unwrap().route("event") == Some(Route::Module));
        let chat = open.find(&registry, "/chat").unwrap();
        assert!(chat.route("of a name").is_some() && chat.route("of a pattern").is_none());
        assert!(
            open.find(&registry, "/other")
                .unwrap()
                .route("of a pattern")
                .is_some()
        );
        assert!(chat.route("event").is_none(), "modules are in the root");
    }
}
