//! WebSockets that another node has: their bytes go both ways until one side ends, or this node stops.

use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::copy_bidirectional,
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

/// Longest for both ends to be there.
const UPGRADE: Duration = Duration::from_secs(10);

/// For the last ones to close.
const GRACE: Duration = Duration::from_millis(500);

/// The WebSockets that go through this node.
pub(in crate::net) struct Tunnels {
    open: TaskTracker,
    /// By when all are closed, once they are.
    close: watch::Sender<Option<Instant>>,
}

impl Default for Tunnels {
    fn default() -> Self {
        Self {
            open: TaskTracker::new(),
            close: watch::Sender::new(None),
        }
    }
}

impl Tunnels {
    /// Joins the client and the other node.
    pub(super) fn open(&self, client: OnUpgrade, node: OnUpgrade) {
        let close = self.close.subscribe();
        self.open.spawn(async move {
            tokio::select! {
                () = join(client, node) => {}
                () = its_turn(close) => {}
            }
        });
    }

    /// Closes them by then, each at a moment by lot, and those that are opened meanwhile; completes when none is left, shortly
    /// after that moment at the latest.
    pub(in crate::net) async fn close(&self, by: Instant) {
        self.close.send_replace(Some(by));
        self.open.close();
        let _ = timeout_at(by + GRACE, self.open.wait()).await;
    }
}

/// Carries bytes between both, until one of them ends.
async fn join(client: OnUpgrade, node: OnUpgrade) {
    let both = timeout(UPGRADE, async { tokio::try_join!(client, node) }).await;
    let Ok(Ok((client, node))) = both else {
        return tracing::debug!("a WebSocket of another node was not");
    };
    let (mut client, mut node) = (TokioIo::new(client), TokioIo::new(node));
    let _ = copy_bidirectional(&mut client, &mut node).await;
}

/// Completes when one is to close.
async fn its_turn(mut close: watch::Receiver<Option<Instant>>) {
    let lot = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    loop {
        let left = close
            .borrow_and_update()
            .map(|by| by.saturating_duration_since(Instant::now()));
        let moment = async {
            match left {
                Some(left) => sleep(left.mul_f64(lot)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = moment => return,
            changed = close.changed() => if changed.is_err() { return },
        }
    }
}
