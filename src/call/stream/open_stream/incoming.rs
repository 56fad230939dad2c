//! The client's frames of a stream, as far as it has credit for them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::{OpenStream, lock};
use crate::{
    call::{
        payload::Call,
        stream::{
            packet::{self, Body},
            receiving::{Receiving, invalid},
        },
    },
    error::{CallError, Result},
};

impl OpenStream {
    /// The client's frames, in their order, as far as they have credit.
    ///
    /// # Errors
    /// Where the function takes them already.
    pub(in crate::call) fn receive(self: &Arc<Self>) -> Result<mpsc::Receiver<Result<Call>>> {
        let mut receiving = lock(&self.receiving);
        if receiving.is_some() {
            return Err(CallError::internal("a function takes Incoming twice"));
        }
        let (begun, frames, credits) = Receiving::begin(self.streaming.window);
        *receiving = Some(begun);
        drop(receiving);
        let (first, granted) = oneshot::channel();
        *lock(&self.granted) = Some(granted);
        tokio::spawn(self.clone().grant(credits, first));
        Ok(frames)
    }

    /// Tells the client its credit, the newest, until it needs no more.
    async fn grant(self: Arc<Self>, mut credits: watch::Receiver<u64>, first: oneshot::Sender<()>) {
        let window = u64::from(self.streaming.window.get());
        let mut first = Some(first);
        let granting = async {
            loop {
                let n = *credits.borrow_and_update();
                let said = self.say(packet::CREDIT, n, Body::Window(window)).await;
                drop(first.take());
                if said.is_err() || credits.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.ended.cancelled() => {}
            () = granting => {}
        }
    }

    /// The function took a frame.
    pub(in crate::call) fn take(&self) {
        if let Some(receiving) = &mut *lock(&self.receiving) {
            receiving.take();
        }
    }

    /// The function takes no more frames.
    pub(in crate::call) fn receive_no_more(&self) {
        *lock(&self.receiving) = None;
    }

    /// Completes when the client has the first credit of a function that takes frames: the ack of a call that had none says that its
    /// function takes none.
    pub(super) async fn first_credit(&self) {
        let granted = lock(&self.granted).take();
        if let Some(granted) = granted {
            let _ = granted.await;
        }
    }

    /// A frame came. Whether it was of use.
    pub(in crate::call::stream) fn data(&self, n: Option<u64>, call: Call) -> bool {
        let is_taken = self.received(n, |receiving, n| receiving.data(n, call));
        if is_taken {
            self.streaming.counts.received.inc();
        }
        is_taken
    }

    /// The end of the client's frames came, with its error where it failed.
    pub(in crate::call::stream) fn client_ended(&self, n: Option<u64>, error: Option<CallError>) -> bool {
        self.received(n, |receiving, n| receiving.end(n, error))
    }

    /// Does something about the client's frames, where they go on; what is wrong with it ends the stream.
    fn received(&self, n: Option<u64>, take: impl FnOnce(&mut Receiving, u64) -> Result<()>) -> bool {
        let mut receiving = lock(&self.receiving);
        let Some(taking) = receiving.as_mut().filter(|taking| taking.goes_on()) else {
            return false;
        };
        let taken = n
            .ok_or_else(|| invalid("n: missing"))
            .and_then(|n| take(taking, n));
        drop(receiving);
        match taken {
            Ok(()) => true,
            Err(why) => {
                self.fail(why);
                false
            }
        }
    }
}
