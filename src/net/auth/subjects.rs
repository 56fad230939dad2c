//! Whose rights were taken away, at once and on all sockets.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{call::identity::Identity, net::sockets::Sockets};

/// The subjects of a server, to take their rights away. Functions take it as `State<Subjects>`.
///
/// ```
/// use updraft::{Json, Module, State, Subjects, claim, require};
///
/// async fn lock_out(subject: String, subjects: State<Subjects>) -> Json<usize> {
///     Json(subjects.revoke(&subject))
/// }
/// let module = Module::new("api.admin")
///     .guard(require(claim("roles").contains("admin")))
///     .on("lock_out", lock_out);
/// ```
#[derive(Default)]
pub struct Subjects {
    sockets: Arc<Sockets>,
    revoked: Mutex<Revoked>,
}

#[derive(Default)]
struct Revoked {
    last: u64,
    of: HashMap<Box<str>, Revocation>,
}

struct Revocation {
    number: u64,
    at: SystemTime,
}

/// A moment among revocations.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

impl Subjects {
    /// Takes a subject's rights away on this server: its sockets are closed before this returns, and nothing more of any
    /// topic reaches them. How many there were.
    ///
    /// Its tokens are refused from now on, until the server restarts, except those issued later (`iat`). With
    /// `App::authenticate` the app decides again at each CONNECT.
    pub fn revoke(&self, subject: &str) -> usize {
        let mut revoked = self.lock();
        revoked.last += 1;
        let revocation = Revocation {
            number: revoked.last,
            at: SystemTime::now(),
        };
        revoked.of.insert(subject.into(), revocation);
        drop(revoked);
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
        let at = revocation.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        identity
            .claim::<f64>("iat")
            .is_none_or(|issued| issued <= at.as_secs_f64())
    }

    fn lock(&self) -> MutexGuard<'_, Revoked> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subjects").finish_non_exhaustive()
    }
}
