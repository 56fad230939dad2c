//! WebSockets that another node has: their bytes go both ways until one side ends, or this node stops.

use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::copy_bidirectional,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

/// Longest for both ends to be there.
const UPGRADE: Duration = Duration::from_secs(10);

/// The WebSockets that go through this node.
pub(in crate::net) struct Tunnels {
    open: TaskTracker,
    /// The time over which they are closed, once they are.
    close: watch::Sender<Option<Duration>>,
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
            let both = timeout(UPGRADE, async { tokio::try_join!(client, node) }).await;
            let Ok(Ok((client, node))) = both else {
                return tracing::debug!("a WebSocket of another node was not");
            };
            let (mut client, mut node) = (TokioIo::new(client), TokioIo::new(node));
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut node) => {}
                () = its_turn(close) => {}
            }
        });
    }

    /// Closes them over this time, each at a moment by lot; completes when none is left.
    pub(in crate::net) async fn close(&self, over: Duration) {
        self.close.send_replace(Some(over));
        self.open.close();
        self.open.wait().await;
    }
}

/// Completes when one is to close.
async fn its_turn(mut close: watch::Receiver<Option<Duration>>) {
    let lot = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    loop {
        let over = close.borrow_and_update().map(|over| over.mul_f64(lot));
        let moment = async {
            match over {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = moment => return,
            changed = close.changed() => if changed.is_err() { return },
        }
    }
}
