//! The connections of a server that are open: how many, and how they end with it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The connections that are open.
#[derive(Clone, Default)]
pub(super) struct Connections {
    count: Arc<AtomicUsize>,
    /// Those that serve requests.
    pub(super) serving: TaskTracker,
    /// They answer what they were asked, and close.
    pub(super) finish: CancellationToken,
    /// They close.
    pub(super) close: CancellationToken,
}

impl Connections {
    /// Opens one more, where the limit allows.
    pub(super) fn open(&self, most: usize) -> Option<Listed> {
        let fits = |count| (count < most).then_some(count + 1);
        let opened = self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        opened.ok().map(|_| Listed(self.count.clone()))
    }

    /// Completes when all have answered what they were asked. Those that wait to be asked close at once.
    pub(super) async fn finish(&self) {
        self.finish.cancel();
        self.serving.close();
        self.serving.wait().await;
    }

    /// Closes those that serve requests.
    pub(super) fn close(&self) {
        self.close.cancel();
    }
}

/// Counts as a connection until it is dropped.
pub(super) struct Listed(Arc<AtomicUsize>);

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
