//! How a function lets its socket enter a presence, and leave it.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{sync::oneshot, time::timeout};

use super::{
    ENTERED, Member,
    changes::{Change, Changes},
};
use crate::{
    call::context::Context,
    error::{CallError, Code, Result},
    event::Event,
};

/// Longest that a function waits for its change. The journal is away by then.
const LONGEST: Duration = Duration::from_secs(5);

/// The sockets that are there, as the function of one of them sees it: [`Context::presence`].
///
/// ```
/// use updraft::{Context, Result};
///
/// async fn away(cx: Context) -> Result<()> {
///     cx.presence("lobby").leave().await
/// }
/// const _: () = updraft::check_handler(&away);
/// ```
#[derive(Clone, Debug)]
pub struct Presence {
    cx: Context,
    topic: Arc<str>,
}

impl Context {
    /// A presence that the app declares by [`App::presence`](crate::App::presence), for the socket of this call.
    ///
    /// ```
    /// use updraft::{App, Context, Module, Result, Topic, everyone};
    ///
    /// async fn join(name: String, cx: Context) -> Result<()> {
    ///     cx.join("lobby")?;
    ///     cx.presence("lobby").enter(&name).await
    /// }
    ///
    /// async fn leave(cx: Context) -> Result<()> {
    ///     cx.leave("lobby");
    ///     cx.presence("lobby").leave().await
    /// }
    ///
    /// let app = App::new()
    ///     .presence(Topic::new("lobby").readable_by(everyone))
    ///     .module(Module::new("api.lobby").on("join", join).on("leave", leave));
    /// ```
    pub fn presence(&self, name: impl Into<Arc<str>>) -> Presence {
        Presence {
            cx: self.clone(),
            topic: name.into(),
        }
    }
}

impl Presence {
    /// The socket is there from now on, with this data, until it disconnects or leaves. Entering again changes the data. Resolves when
    /// that is durable.
    ///
    /// # Errors
    /// [`Code::Internal`] where the presence is not declared, the data cannot be written as JSON, or the journal refuses it: the
    /// socket is not there then. [`Code::Unavailable`] where the journal cannot be written now: the socket is there as soon as it can
    /// be, and entering again does no harm.
    ///
    /// # Cancellation
    /// Once polled, the change is made all the same.
    pub async fn enter(&self, data: &(impl Serialize + ?Sized)) -> Result<()> {
        let body = Event::new(ENTERED).data(data)?.body;
        self.ask(Change::Enter(body, self.cx.cancellation())).await
    }

    /// The socket is no longer there; no error where it was not. Resolves when that is durable.
    ///
    /// # Errors
    /// As [`Presence::enter`]: where the journal cannot be written now, the socket is no longer there as soon as it can be.
    ///
    /// # Cancellation
    /// As [`Presence::enter`].
    pub async fn leave(&self) -> Result<()> {
        self.ask(Change::Leave).await
    }

    async fn ask(&self, change: Change) -> Result<()> {
        let presences = self.cx.state::<Presences>();
        let presences = presences.filter(|presences| presences.topics.contains(&self.topic));
        let presences = presences
            .ok_or_else(|| CallError::internal(format_args!("presence '{}' is not declared", self.topic)))?;
        let (reply, replied) = oneshot::channel();
        presences.changes.add(self.member(), change, Some(reply));
        let away = || CallError::new(Code::Unavailable, "the journal is away");
        let done = timeout(LONGEST, replied).await.ok().and_then(Result::ok);
        done.ok_or_else(away)?
    }

    fn member(&self) -> Member {
        Member {
            topic: self.topic.clone(),
            socket: self.cx.socket_id().clone(),
        }
    }
}

/// The presences of an app, for its functions.
pub(crate) struct Presences {
    pub(super) topics: Vec<Arc<str>>,
    pub(super) changes: Arc<Changes>,
}
