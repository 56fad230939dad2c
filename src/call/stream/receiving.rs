//! The frames of a client, on their way to the function that takes them.

use std::{fmt::Display, num::NonZeroU32};

use tokio::sync::{mpsc, watch};

use super::window::{ReceiveWindow, Unfit};
use crate::{
    call::payload::Call,
    error::{CallError, Code, Result},
};

/// The frames of the client.
pub(super) struct Receiving {
    window: ReceiveWindow,
    /// Until the client's end.
    frames: Option<mpsc::Sender<Result<Call>>>,
    credit: watch::Sender<u64>,
}

/// Frames, for the function.
pub(super) type Frames = mpsc::Receiver<Result<Call>>;

impl Receiving {
    /// Nothing yet: with what the function receives, and the newest credit.
    pub(super) fn begin(window: NonZeroU32) -> (Self, Frames, watch::Receiver<u64>) {
        // One more, for the client's error.
        let (frames, receiver) = mpsc::channel(window.get() as usize + 1);
        let (credit, credits) = watch::channel(0);
        let this = Self {
            window: ReceiveWindow::new(window),
            frames: Some(frames),
            credit,
        };
        (this, receiver, credits)
    }

    /// Whether the client has not ended them.
    pub(super) fn goes_on(&self) -> bool {
        self.frames.is_some()
    }

    /// A frame comes.
    ///
    /// # Errors
    /// Where it is not the next, or there is no credit or no memory for it.
    pub(super) fn data(&mut self, n: u64, call: Call) -> Result<()> {
        self.window.arrives(n).map_err(unfit)?;
        call.hold()?;
        if let Some(frames) = &self.frames {
            // There is room, as the window says.
            let _ = frames.try_send(Ok(call));
        }
        Ok(())
    }

    /// The end comes, with an error where the client failed.
    ///
    /// # Errors
    /// Where frames are missing before it.
    pub(super) fn end(&mut self, n: u64, error: Option<CallError>) -> Result<()> {
        self.window.is_due(n).map_err(unfit)?;
        if let (Some(error), Some(frames)) = (error, self.frames.take()) {
            let _ = frames.try_send(Err(error));
        }
        self.frames = None;
        Ok(())
    }

    /// The frames are cut off, for this reason: what still takes them does not take a part for the whole.
    pub(super) fn cut_off(self, why: CallError) {
        if let Some(frames) = self.frames {
            // There is room, as for the client's error.
            let _ = frames.try_send(Err(why));
        }
    }

    /// The function took a frame.
    pub(super) fn take(&mut self) {
        if let Some(n) = self.window.take()
            && self.goes_on()
        {
            self.credit.send_replace(n);
        }
    }
}

fn unfit(unfit: Unfit) -> CallError {
    match unfit {
        Unfit::OutOfOrder { expected } => invalid(format!("n: frame {expected} was to come")),
        Unfit::WithoutCredit => CallError::new(Code::Overloaded, "a frame came without credit").for_good(),
    }
}

/// What is wrong with a packet.
pub(super) fn invalid(what: impl Display) -> CallError {
    CallError::new(Code::InvalidData, what.to_string())
}
