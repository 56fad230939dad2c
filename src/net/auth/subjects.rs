//! Whose rights were taken away, at once, on all sockets and at all nodes.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    call::identity::Identity,
    error::Result,
    event::Event,
    feed::Feed,
    journal::{Append, Journal, JournalError, Record},
    net::sockets::Sockets,
};

/// The topic of revocations: by subject the latest. No client may read it, and no app declare it.
pub(crate) const REVOKED: &str = "updraft.revoked";

/// The subjects of a server, to take their rights away. Functions take it as `State<Subjects>`.
///
/// ```
/// use updraft::{Json, Module, Result, State, Subjects, claim, require};
///
/// async fn lock_out(subject: String, subjects: State<Subjects>) -> Result<Json<usize>> {
///     subjects.revoke(&subject).await.map(Json)
/// }
/// let module = Module::new("api.admin")
///     .guard(require(claim("roles").contains("admin")))
///     .on("lock_out", lock_out);
/// ```
#[derive(Default)]
pub struct Subjects {
    sockets: Arc<Sockets>,
    revoked: Mutex<Revoked>,
    /// Where other nodes, and this one after a restart, learn of it.
    journal: OnceLock<Arc<dyn Journal>>,
}

#[derive(Default)]
struct Revoked {
    last: u64,
    of: HashMap<Box<str>, Revocation>,
}

struct Revocation {
    number: u64,
    at: u64,
}

/// A moment among revocations.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

/// What stands in the journal of a revocation.
#[derive(Deserialize, Serialize)]
struct Told {
    /// Milliseconds since 1970.
    at: u64,
}

impl Subjects {
    /// Takes a subject's rights away: its sockets here are closed at once, and nothing more of any topic reaches them. How
    /// many there were. Where the app has a journal, this resolves when the revocation is durable; nodes on the same
    /// journal close the subject's sockets as soon as they hear of it.
    ///
    /// Its tokens are refused from now on, except those issued later (`iat`): at all these nodes, also after a restart.
    /// Without a journal, until the server restarts. With `App::authenticate` the app decides again at each CONNECT.
    ///
    /// # Errors
    /// [`Code::Unavailable`](crate::Code::Unavailable) where the journal cannot be written: its sockets here are closed, and
    /// its tokens refused here, but other nodes may not know, nor this one after a restart. Try it again.
    pub async fn revoke(&self, subject: &str) -> Result<usize> {
        let at = self.lock().revoke(subject);
        let closed = self.close(subject);
        if let Some(journal) = self.journal.get() {
            let append = Append {
                topic: REVOKED.to_owned(),
                events: vec![Event::new("revoked").key(subject).data(&Told { at })?],
                ..Append::default()
            };
            journal.append(append).await.map_err(JournalError::refusal)?;
        }
        Ok(closed)
    }

    /// Takes in what was and will be revoked by all nodes, and tells them of it from now on.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub(crate) async fn follow(self: &Arc<Self>, feed: &Feed) -> Result<()> {
        let this = self.clone();
        feed.project(REVOKED, (), move |(), record| this.hear(record))
            .await?;
        // It follows one feed.
        let _ = self.journal.set(feed.journal().clone());
        Ok(())
    }

    /// A revocation by any node, this one included.
    fn hear(&self, record: &Record) {
        let (Some(subject), Ok(Some(Told { at }))) = (&record.key, record.data()) else {
            return;
        };
        if self.lock().hear(subject, at) {
            self.close(subject);
        }
    }

    fn close(&self, subject: &str) -> usize {
        let sockets = self.sockets.all();
        sockets.iter().filter(|socket| socket.revoke(subject)).count()
    }

    pub(crate) fn sockets(&self) -> &Arc<Sockets> {
        &self.sockets
    }

    pub(super) fn now(&self) -> Moment {
        Moment(self.lock().last)
    }

    pub(super) fn was_revoked_since(&self, subject: &str, moment: Moment) -> bool {
        let revoked = self.lock();
        revoked.of.get(subject).is_some_and(|one| one.number > moment.0)
    }

    /// Whether a token was issued before its subject was revoked, or does not say when.
    pub(super) fn refuses(&self, identity: &Identity) -> bool {
        let revoked = self.lock();
        let Some(revocation) = identity.subject().and_then(|subject| revoked.of.get(subject)) else {
            return false;
        };
        let at = revocation.at as f64 / 1000.0;
        identity.claim::<f64>("iat").is_none_or(|issued| issued <= at)
    }

    fn lock(&self) -> MutexGuard<'_, Revoked> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Revoked {
    /// Revokes a subject now; when that is. Each time is later than the one before, so that other nodes know it from that.
    fn revoke(&mut self, subject: &str) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let after = self.of.get(subject).map_or(0, |known| known.at.saturating_add(1));
        let at = now.max(after);
        self.insert(subject, at);
        at
    }

    /// Whether it was not known yet.
    fn hear(&mut self, subject: &str, at: u64) -> bool {
        let is_new = self.of.get(subject).is_none_or(|known| known.at < at);
        if is_new {
            self.insert(subject, at);
        }
        is_new
    }

    fn insert(&mut self, subject: &str, at: u64) {
        self.last += 1;
        let number = self.last;
        self.of.insert(subject.into(), Revocation { number, at });
    }
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subjects").finish_non_exhaustive()
    }
}
