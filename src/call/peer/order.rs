//! The order in which calls of a socket start.

use std::sync::Arc;

/// A socket whose calls start in the order in which they came.
pub trait CallOrder: Send + Sync {
    /// Holds back later calls of this socket until [`CallOrder::release`].
    fn hold(&self);

    /// Ends [`CallOrder::hold`].
    fn release(&self);
}

/// Holds back the calls of a socket behind one that has not begun.
pub(in crate::call) struct HeldCalls(Arc<dyn CallOrder>);

impl HeldCalls {
    pub(in crate::call) fn new(peer: Arc<dyn CallOrder>) -> Self {
        peer.hold();
        Self(peer)
    }
}

impl Drop for HeldCalls {
    fn drop(&mut self) {
        self.0.release();
    }
}
