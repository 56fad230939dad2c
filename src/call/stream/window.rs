//! The arithmetic of credit, for the frames of either direction.

use std::num::NonZeroU32;

/// What may be sent: so many frames more than the client has taken in, where it named a window.
#[derive(Debug)]
pub(super) struct SendWindow {
    next: u64,
    /// Frames below this one have left.
    left: u64,
    taken: u64,
    width: Option<NonZeroU32>,
}

/// A client that says to have what it was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeverSent;

impl SendWindow {
    /// All frames below `first` are taken in.
    pub(super) fn new(first: u64, width: Option<NonZeroU32>) -> Self {
        Self {
            next: first,
            left: first,
            taken: first,
            width,
        }
    }

    /// Whether one more frame may leave.
    pub(super) fn has_room(&self) -> bool {
        self.width
            .is_none_or(|width| self.next - self.taken < u64::from(width.get()))
    }

    /// The number of the frame that leaves now. Its client may give credit for it before its sender knows that it has left.
    pub(super) fn send(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The frame has left.
    pub(super) fn sent(&mut self) {
        self.left = self.next;
    }

    /// The number of the first frame that did not leave.
    pub(super) fn end(&self) -> u64 {
        self.left
    }

    /// All frames below `n` are taken in; whether that is news. Credits may overtake each other: less than before is none.
    ///
    /// # Errors
    /// Where so many were never sent.
    pub(super) fn credit(&mut self, n: u64) -> Result<bool, NeverSent> {
        if n > self.next {
            return Err(NeverSent);
        }
        let is_news = n > self.taken;
        self.taken = self.taken.max(n);
        Ok(is_news)
    }
}

/// What may come: frames in the order of their numbers, so many more than the function has taken.
#[derive(Debug)]
pub(super) struct ReceiveWindow {
    next: u64,
    taken: u64,
    /// What was taken as of the last credit.
    credited: u64,
    width: u64,
}

/// Why a frame is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Another was to come: this one.
    OutOfOrder { expected: u64 },
    /// There is no credit for it.
    WithoutCredit,
}

impl ReceiveWindow {
    pub(super) fn new(width: NonZeroU32) -> Self {
        Self {
            next: 0,
            taken: 0,
            credited: 0,
            width: u64::from(width.get()),
        }
    }

    /// A frame comes in.
    ///
    /// # Errors
    /// Where it does not fit; nothing has changed then.
    pub(super) fn arrives(&mut self, n: u64) -> Result<(), Unfit> {
        self.is_due(n)?;
        if n >= self.credited + self.width {
            return Err(Unfit::WithoutCredit);
        }
        self.next += 1;
        Ok(())
    }

    /// The end comes in, with the number of the frame that does not come.
    ///
    /// # Errors
    /// Where frames are missing before it.
    pub(super) fn is_due(&self, n: u64) -> Result<(), Unfit> {
        match n == self.next {
            true => Ok(()),
            false => Err(Unfit::OutOfOrder { expected: self.next }),
        }
    }

    /// The function takes a frame; the credit that is worth a packet: once half a window is free again.
    pub(super) fn take(&mut self) -> Option<u64> {
        self.taken += 1;
        if self.taken - self.credited < self.width.div_ceil(2) {
            return None;
        }
        self.credited = self.taken;
        Some(self.taken)
    }
}

#[cfg(test)]
mod tests;
