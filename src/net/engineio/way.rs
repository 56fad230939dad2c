//! Which way a message goes, so that it is written out for that before its session's queue is locked.

use super::{
    frames::Frames,
    message::{Encoder, Framing, Message, Queued},
    writer,
};

/// How a message would be taken now.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// A WebSocket takes it at once.
    AtOnce(Framing),
    /// It waits for its transport.
    Queued,
    /// There is no room for it.
    Refused,
}

/// A message that was written out for its way.
pub(super) enum WrittenOut {
    Frames(Frames),
    Queued(Queued),
}

impl Way {
    /// Writes a message out, where there is room for it.
    ///
    /// # Errors
    /// Where its data cannot be written as JSON.
    pub(super) fn write(self, message: &dyn Message) -> serde_json::Result<Option<WrittenOut>> {
        match self {
            Self::AtOnce(framing) => {
                let mut frames = writer::scratch();
                message.write(&mut Encoder::Frames(&mut frames, framing))?;
                Ok(Some(WrittenOut::Frames(frames)))
            }
            Self::Queued => message.queued().map(|queued| Some(WrittenOut::Queued(queued))),
            Self::Refused => Ok(None),
        }
    }
}
