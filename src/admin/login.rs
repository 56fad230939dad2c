//! Whether a page may connect: it shows the password, or the id of a session that it was given for it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{attempts::Attempts, sessions::Sessions};
use crate::{
    call::{context::Context, extract::State, handshake::Handshake},
    error::{CallError, Code, Result},
};

/// Passwords that are checked at once: each takes a thread, and long by intent.
const CHECKS: usize = 2;

/// Passwords that wait to be checked.
const WAITING: usize = 32;

/// What is known of those who may log in.
pub(super) struct Login {
    username: String,
    hash: Arc<str>,
    sessions: Sessions,
    attempts: Attempts,
    checks: Arc<Semaphore>,
    waiting: Semaphore,
    /// What a page is sent when it is connected.
    config: Value,
}

/// What a page shows.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Shown {
    session_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Login {
    pub(super) fn new(username: String, hash: String, config: Value) -> Self {
        Self {
            username,
            hash: hash.into(),
            sessions: Sessions::default(),
            attempts: Attempts::new(),
            checks: Arc::new(Semaphore::new(CHECKS)),
            waiting: Semaphore::new(WAITING),
            config,
        }
    }

    /// Whether these are the credentials. A wrong name takes as long as a wrong password.
    async fn knows(&self, username: &str, password: String) -> Result<bool> {
        let crowded = || CallError::new(Code::Overloaded, "too many passwords wait to be checked");
        let _waiting = self.waiting.try_acquire().map_err(|_| crowded())?;
        let check = self.checks.clone().acquire_owned().await.map_err(|_| crowded())?;
        let hash = self.hash.clone();
        let verified = spawn_blocking(move || {
            // Until it is done, also where no client waits for it any more.
            let _check = check;
            bcrypt::verify(password, &hash)
        });
        match verified.await {
            Ok(Ok(is_right)) => Ok(is_right && username == self.username),
            Ok(Err(error)) => Err(CallError::internal(error.to_string())),
            Err(error) => Err(CallError::internal(error.to_string())),
        }
    }
}

/// The connect hook.
///
/// # Errors
/// `invalid credentials`, for which the page asks again.
pub(super) async fn arrived(hello: Handshake, login: State<Login>, cx: Context) -> Result<()> {
    let shown: Option<Shown> = hello.auth_as().map_err(|_| invalid())?;
    let shown = shown.unwrap_or_default();
    if shown.session_id.is_none_or(|id| !login.sessions.has(&id)) {
        let (Some(username), Some(password)) = (shown.username, shown.password) else {
            return Err(invalid());
        };
        if !login.attempts.count(hello.address()) {
            tracing::warn!(address = %hello.address(), "too many attempts to log in to the admin page");
            let message = "too many attempts, try again in a minute";
            return Err(CallError::new(Code::RateLimited, message));
        }
        if !login.knows(&username, password).await? {
            tracing::warn!(address = %hello.address(), "a wrong username or password for the admin page");
            return Err(invalid());
        }
        let id = login
            .sessions
            .begin()
            .map_err(|error| CallError::internal(error.to_string()))?;
        cx.emit("session", &id).await?;
    }
    cx.emit("config", &login.config).await
}

/// The words that the page looks for.
fn invalid() -> CallError {
    CallError::new(Code::Unauthenticated, "invalid credentials")
}
