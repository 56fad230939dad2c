//! The rights with which a call begins: its guards let its caller through, and the caller is still the same when the
//! function starts, however long the call waited in between.

use super::{context::Context, guard::Guards, identity::Identity, payload::Call};
use crate::error::{CallError, Code, Result};

/// That guards let a caller through, as the identity that it had then.
#[derive(Debug)]
pub(super) struct Rights(Identity);

impl Rights {
    /// Asks the guards; all of them again where the identity changed while one waited.
    ///
    /// # Errors
    /// Those of the guards, and of [`Rights::still_hold`].
    pub(super) async fn ask(guards: Guards<'_>, call: &Call, context: &Context) -> Result<Self> {
        loop {
            let rights = Self(context.identity());
            for guard in guards.iter() {
                guard.0.start(call, context)?.await?;
            }
            if rights.still_hold(context)? {
                return Ok(rights);
            }
        }
    }

    /// The same after the call has waited; the guards run again if the identity changed. The subject is
    /// the same still: the call's idempotency key is this one's.
    ///
    /// # Errors
    /// As [`Rights::ask`]; [`Code::Unavailable`] where the caller is another subject now.
    pub(super) async fn ask_again(self, guards: Guards<'_>, call: &Call, context: &Context) -> Result<Self> {
        if self.still_hold(context)? {
            return Ok(self);
        }
        let anew = Self::ask(guards, call, context).await?;
        match anew.0.subject() == self.0.subject() {
            true => Ok(anew),
            false => Err(changed()),
        }
    }

    /// Whose they are.
    pub(super) fn identity(&self) -> &Identity {
        &self.0
    }

    /// Whether the caller is still the one that the guards saw.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] where its identity expired or was revoked. (One whose client merely disconnected keeps
    /// it: what that client has called is done.)
    pub(super) fn still_hold(&self, context: &Context) -> Result<bool> {
        let now = context.identity();
        if now.is_anonymous() && !self.0.is_anonymous() {
            let ended = "the identity ended before the call began";
            return Err(CallError::new(Code::Unauthenticated, ended));
        }
        Ok(now == self.0)
    }

    /// The same where the guards cannot be asked any more, as the function starts right now.
    ///
    /// # Errors
    /// As [`Rights::still_hold`]; [`Code::Unavailable`] where the caller has another identity now: tried again, the guards see
    /// that one.
    pub(super) fn confirm(&self, context: &Context) -> Result<()> {
        match self.still_hold(context)? {
            true => Ok(()),
            false => Err(changed()),
        }
    }
}

fn changed() -> CallError {
    CallError::new(Code::Unavailable, "the identity changed before the call began")
}
