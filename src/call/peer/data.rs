//! What functions keep on a socket.

use std::{any::Any, fmt, sync::Arc};

/// Values kept on a socket for as long as it lives, one per type.
#[derive(Default)]
pub struct SocketData(std::sync::Mutex<Vec<Arc<dyn Any + Send + Sync>>>);

impl SocketData {
    /// Puts a value, in place of the one of the same type.
    pub fn set<T: Send + Sync + 'static>(&self, value: T) {
        let mut values = self.lock();
        values.retain(|kept| !kept.is::<T>());
        values.push(Arc::new(value));
    }

    /// The value of this type; its default is kept from now on where there is none.
    pub fn get_or_default<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.lock();
        if let Some(found) = values.iter().find_map(|kept| kept.clone().downcast().ok()) {
            return found;
        }
        let value = Arc::<T>::default();
        values.push(value.clone());
        value
    }

    /// Takes the value of this type away.
    pub(crate) fn remove<T: Send + Sync + 'static>(&self) {
        self.lock().retain(|kept| !kept.is::<T>());
    }

    /// The value of this type.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.lock();
        values.iter().find_map(|kept| kept.clone().downcast().ok())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Any + Send + Sync>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The same values; what is kept on the one from now on is not on the other.
impl Clone for SocketData {
    fn clone(&self) -> Self {
        Self(self.lock().clone().into())
    }
}

impl fmt::Debug for SocketData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketData({} values)", self.lock().len())
    }
}
