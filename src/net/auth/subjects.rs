//! Whose rights were taken away, at once, on all sockets and at all nodes.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    call::{idempotent_call::sha256, identity::Identity},
    error::{CallError, Result},
    event::{Epoch, Event},
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
    telling: OnceLock<Telling>,
}

#[derive(Default)]
struct Revoked {
    last: u64,
    of: HashMap<Box<str>, Revocation>,
}

struct Revocation {
    number: u64,
    /// When, in milliseconds since 1970: by the journal's clock where it is there, which is one for all nodes.
    at: u64,
    /// Its place in the journal, or that of one before; 0 where it is not there.
    seq: u64,
}

/// A moment among revocations.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

/// What stands in the journal of a revocation.
#[derive(Deserialize, Serialize)]
struct Told {
    /// Who says so: this run of a node.
    by: String,
    /// The subject, where the event's key is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

/// The journal, and by which name this node tells it.
struct Telling {
    journal: Arc<dyn Journal>,
    by: Epoch,
}

/// Longest subject that is the key of its revocation: indexes take no keys of any length.
const LONGEST_KEY: usize = 512;

/// What keys begin with that are digests of subjects. Subjects that begin so have such a key too, so that no two share one.
const DIGEST: &str = "sha256:";

/// The key of a subject's revocation, and the subject where that is another.
fn key(subject: &str) -> (String, Option<String>) {
    if subject.len() <= LONGEST_KEY && !subject.starts_with(DIGEST) {
        return (subject.to_owned(), None);
    }
    (format!("{DIGEST}{}", sha256(subject)), Some(subject.to_owned()))
}

impl Subjects {
    /// Takes a subject's rights away: its sockets here are closed at once, and nothing more of any topic reaches them. How
    /// many there were. Where the app has a journal, this resolves when the revocation is durable; nodes on the same
    /// journal close the subject's sockets as soon as they hear of it.
    ///
    /// Its tokens are refused from now on, except those issued later (`iat`) by more than clocks may differ (`--auth-leeway`): at all
    /// these nodes, also after a restart.
    /// Without a journal, until the server restarts. With `App::authenticate` the app decides again at each CONNECT.
    ///
    /// # Errors
    /// [`Code::Unavailable`](crate::Code::Unavailable) where the journal cannot be written: its sockets here are closed, and
    /// its tokens refused here, but other nodes may not know, nor this one after a restart. Try it again.
    ///
    /// # Cancellation
    /// Once polled, its sockets here are closed and its tokens refused here; whether other nodes and a restart know is open. Try it again.
    pub async fn revoke(&self, subject: &str) -> Result<usize> {
        self.lock().revoke(subject);
        let closed = self.close(subject);
        if let Some(Telling { journal, by }) = self.telling.get() {
            let (key, subject) = key(subject);
            let told = Told {
                by: by.to_string(),
                subject,
            };
            let append = Append {
                topic: REVOKED.to_owned(),
                events: vec![Event::new("revoked").key(key).data(&told)?],
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
        let by = Epoch::random().map_err(CallError::internal)?;
        // It follows one feed.
        let _ = self.telling.set(Telling {
            journal: feed.journal().clone(),
            by,
        });
        let this = self.clone();
        feed.project(REVOKED, (), move |(), record| this.hear(record))
            .await?;
        Ok(())
    }

    /// A revocation by any node, this one included.
    fn hear(&self, record: &Record) {
        let (Some(key), Ok(Some(Told { by, subject }))) = (&record.key, record.data()) else {
            return;
        };
        let subject = subject.as_deref().unwrap_or(key);
        let is_own = self
            .telling
            .get()
            .is_some_and(|telling| telling.by.as_str() == by);
        let is_news = self.lock().hear(subject, record, is_own);
        if is_news {
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

    /// Whether a token may have been issued before its subject was revoked, by clocks that differ by so much, or does not say when.
    pub(super) fn refuses(&self, identity: &Identity, leeway: Duration) -> bool {
        let revoked = self.lock();
        let Some(revocation) = identity.subject().and_then(|subject| revoked.of.get(subject)) else {
            return false;
        };
        let at = revocation.at as f64 / 1000.0 + leeway.as_secs_f64();
        identity.claim::<f64>("iat").is_none_or(|issued| issued <= at)
    }

    fn lock(&self) -> MutexGuard<'_, Revoked> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Revoked {
    /// Revokes a subject now, by this node's clock until the journal says when.
    fn revoke(&mut self, subject: &str) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let seq = self.of.get(subject).map_or(0, |known| known.seq);
        self.insert(subject, now, seq);
    }

    /// Takes in what the journal says; whether another node revoked the subject, and that was not known yet.
    fn hear(&mut self, subject: &str, record: &Record, is_own: bool) -> bool {
        match self.of.get_mut(subject) {
            // Folded anew, the journal tells what it told before.
            Some(known) if known.seq >= record.seq => false,
            // What was closed as it was revoked here is not closed again: clients may be back with a new token.
            Some(known) if is_own => {
                (known.at, known.seq) = (record.time, record.seq);
                false
            }
            _ => {
                self.insert(subject, record.time, record.seq);
                true
            }
        }
    }

    fn insert(&mut self, subject: &str, at: u64, seq: u64) {
        self.last += 1;
        let number = self.last;
        self.of.insert(subject.into(), Revocation { number, at, seq });
    }
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subjects").finish_non_exhaustive()
    }
}
