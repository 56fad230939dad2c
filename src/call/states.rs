//! What the app's functions share, one value per type, fixed at start.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    sync::Arc,
};

/// The app's shared values. Copies are cheap, and have what was put before.
#[derive(Clone, Default)]
pub struct States(Arc<HashMap<TypeId, (&'static str, Option<Shared>)>>);

type Shared = Arc<dyn Any + Send + Sync>;

impl States {
    /// Puts a value, in place of the one of the same type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.share(Arc::new(value));
    }

    /// Puts a value that others hold too, in place of the one of the same type.
    pub(crate) fn share<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), (type_name::<T>(), Some(value)));
    }

    /// A value of this type is put before the first call comes.
    pub(crate) fn promise<T: Send + Sync + 'static>(&mut self) {
        Arc::make_mut(&mut self.0)
            .entry(TypeId::of::<T>())
            .or_insert((type_name::<T>(), None));
    }

    /// Whether there is a value of this type, or will be.
    pub(crate) fn has<T: Send + Sync + 'static>(&self) -> bool {
        self.0.contains_key(&TypeId::of::<T>())
    }

    /// The types that there are, by their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.values().map(|(name, _)| *name)
    }

    /// The value of this type.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let (_, value) = self.0.get(&TypeId::of::<T>())?;
        value.clone()?.downcast().ok()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.values().map(|(name, _)| name))
            .finish()
    }
}
