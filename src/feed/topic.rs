//! A topic as the app declares it: guards and retention.

pub(super) mod frame;
pub(super) mod lag;
pub(super) mod metrics;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use crate::{
    call::{condition::Condition, identity::Identity, peer::SocketId},
    error::{CallError, Code, Result},
    journal::Retention,
};

/// A client that asks to read a topic.
///
/// ```
/// use updraft::{CallError, Code, Reader, Topic};
///
/// let letters = Topic::new("letters").readable_by(async |reader: Reader| match reader.identity.subject() {
///     Some("ada") => Ok(()),
///     _ => Err(CallError::new(Code::Forbidden, "these are Ada's letters")),
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reader {
    /// The socket's public id.
    pub socket: SocketId,
    /// Its identity.
    pub identity: Identity,
    /// The topic that is asked for.
    pub topic: Arc<str>,
}

type Guard = Arc<dyn Fn(Reader) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A topic: events in one order, that readers get from the beginning (compacted) or from where they left.
///
/// Without a guard no client may read it.
///
/// ```
/// use updraft::{Topic, everyone};
///
/// let board = Topic::new("board").readable_by(everyone);
/// ```
#[derive(Clone)]
pub struct Topic {
    pub(super) name: Arc<str>,
    pub(super) keep: Retention,
    pub(super) pace: Pace,
    content: Content,
    guard: Guard,
    writers: Option<Condition>,
}

/// What the names of the server's own topics begin with.
pub(super) const RESERVED: &str = "updraft.";

/// What is kept of members that have gone, unless the app says: clients come and go all the time.
const OF_MEMBERS: Retention = Retention {
    least: Duration::from_secs(5 * 60),
    tombstones: Duration::from_secs(60 * 60),
    age: None,
    events: None,
    bytes: None,
};

/// What its events are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// What functions publish.
    Events,
    /// Sockets that are there.
    Members,
}

/// What a reader that is behind gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Every event, however late.
    EveryEvent,
    /// Of each key the latest.
    LatestOfEachKey,
}

impl Topic {
    /// A topic that no client may read yet.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            keep: Retention::default(),
            pace: Pace::EveryEvent,
            content: Content::Events,
            guard: Arc::new(|_| {
                Box::pin(async { Err(CallError::new(Code::Forbidden, "no client may read this topic")) })
            }),
            writers: None,
        }
    }

    /// The guard of reads: asked when a client subscribes, and again when its identity changes (`auth.refresh`). It has
    /// `--guard-timeout`. A later one takes its place.
    #[must_use]
    pub fn readable_by<F, Fut>(mut self, guard: F) -> Self
    where
        F: Fn(Reader) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.guard = Arc::new(move |reader| Box::pin(guard(reader)));
        self
    }

    /// Clients may read it if this condition holds.
    ///
    /// ```
    /// use updraft::{Topic, claim};
    ///
    /// let ledger = Topic::new("ledger").readable_where(claim("roles").contains("accounting"));
    /// ```
    #[must_use]
    pub fn readable_where(self, condition: Condition) -> Self {
        self.readable_by(move |reader: Reader| {
            let checked = condition.check(&reader.identity);
            async move { checked }
        })
    }

    /// On whose behalf functions may publish to it, beside what guards those functions. What the server publishes
    /// outside of calls is not asked about.
    #[must_use]
    pub fn writable_where(mut self, condition: Condition) -> Self {
        self.writers = Some(condition);
        self
    }

    /// What it keeps; see [`Retention`], which has an example.
    #[must_use]
    pub fn keep(mut self, keep: Retention) -> Self {
        self.keep = keep;
        self
    }

    /// Readers that are behind skip events superseded by a later one of the same key: for states that change often, where each reader
    /// wants the latest.
    #[must_use]
    pub fn latest_per_key(mut self) -> Self {
        self.pace = Pace::LatestOfEachKey;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One that shows which sockets are there.
    pub(crate) fn of_members(mut self) -> Self {
        self.content = Content::Members;
        if self.keep == Retention::default() {
            self.keep = OF_MEMBERS;
        }
        self
    }

    /// Whether it is one of the server's own.
    pub(super) fn is_reserved(&self) -> bool {
        self.name.starts_with(RESERVED)
    }

    pub(super) fn is_of_members(&self) -> bool {
        self.content == Content::Members
    }

    /// What it is declared to keep.
    pub(crate) fn kept(&self) -> Retention {
        self.keep
    }

    /// Whether a function may publish to it for this caller.
    pub(super) fn check_writer(&self, caller: &Identity) -> Result<()> {
        match &self.writers {
            Some(condition) => condition.check(caller),
            None => Ok(()),
        }
    }

    pub(super) async fn admit(&self, socket: SocketId, identity: Identity) -> Result<()> {
        let reader = Reader {
            socket,
            identity,
            topic: self.name.clone(),
        };
        (self.guard)(reader).await
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("name", &self.name)
            .field("keep", &self.keep)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// A guard that lets everyone read, anonymous callers too.
///
/// ```
/// let board = updraft::Topic::new("board").readable_by(updraft::everyone);
/// ```
///
/// # Errors
/// None.
pub async fn everyone(_: Reader) -> Result<()> {
    Ok(())
}
