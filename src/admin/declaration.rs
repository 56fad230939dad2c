//! The admin page as an app declares it.

use std::{fmt, str::FromStr, sync::Arc};

use bcrypt::HashParts;
use serde_json::{Value, json};

use super::{
    actions,
    figures::{self, NAMESPACE},
    login::{self, Login},
};
use crate::{
    call::{emitter::Emitter, namespace::Namespace, states::States},
    net::traffic::Traffic,
};

/// Highest cost of a hash: each step doubles the time, and 16 takes seconds.
const HIGHEST_COST: u32 = 16;

/// Serves the admin page of Socket.IO (`@socket.io/admin-ui` on npm), which connects to the namespace `/admin`: figures of the
/// server and its namespaces, and, unless it is read only, events, rooms and disconnects for other sockets.
/// [`App::admin`](crate::App::admin) takes it; `docs/admin.md` has how to run the page.
///
/// ```
/// use updraft::{Admin, App};
///
/// // htpasswd -nBC 12 ada
/// let hash = "$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe";
/// let app = App::new().admin(Admin::new("ada", hash).read_only());
/// ```
pub struct Admin {
    username: String,
    hash: String,
    actions: Actions,
    namespace: Namespace,
}

/// What the page may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actions {
    All,
    None,
}

/// Why an admin page cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The username is empty.
    #[error("the admin page needs a username")]
    Username,
    /// What was given for a hash is none. It is not shown, as it may be the password.
    #[error(
        "the admin page's password is no bcrypt hash: make one with `htpasswd -nBC 12 <username>`, and give what is behind the colon"
    )]
    Hash,
    /// A hash that takes too long to check.
    #[error("the admin page's bcrypt hash has a cost of {cost}, and {HIGHEST_COST} is the highest")]
    Cost {
        /// Its cost.
        cost: u32,
    },
}

impl Admin {
    /// The page for one user with this password, of which the bcrypt hash is given (`$2b$12$…`; `$2a$` and `$2y$` do too). It is
    /// checked when the app starts.
    #[track_caller]
    pub fn new(username: impl Into<String>, bcrypt_hash: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            hash: bcrypt_hash.into(),
            actions: Actions::All,
            namespace: Namespace::new(NAMESPACE),
        }
    }

    /// The page sees, and does nothing to other sockets.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.actions = Actions::None;
        self
    }

    /// # Errors
    /// A username or a hash that is none.
    pub(crate) fn checked(self) -> Result<AdminPage, AdminError> {
        if self.username.is_empty() {
            return Err(AdminError::Username);
        }
        let parts = HashParts::from_str(&self.hash).map_err(|_| AdminError::Hash)?;
        let cost = parts.get_cost();
        if cost > HIGHEST_COST {
            return Err(AdminError::Cost { cost });
        }
        let namespace = self.namespace.authenticates().connect(login::arrived);
        let namespace = match self.actions {
            Actions::All => actions::register(namespace),
            Actions::None => namespace,
        };
        Ok(AdminPage {
            login: Login::new(self.username, self.hash, config(self.actions)),
            namespace,
        })
    }
}

/// What the page may show and do, as it is sent to it.
fn config(actions: Actions) -> Value {
    let actions: &[&str] = match actions {
        Actions::All => &[
            "EMIT",
            "JOIN",
            "LEAVE",
            "DISCONNECT",
            "MJOIN",
            "MLEAVE",
            "MDISCONNECT",
        ],
        Actions::None => &[],
    };
    let features = [actions, &["AGGREGATED_EVENTS"]].concat();
    json!({ "supportedFeatures": features })
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("username", &self.username)
            .field("actions", &self.actions)
            .finish_non_exhaustive()
    }
}

/// What serves the page, checked.
pub(crate) struct AdminPage {
    login: Login,
    namespace: Namespace,
}

impl AdminPage {
    /// Its namespace, whose functions find here what they need.
    pub(crate) fn into_namespace(self, states: &mut States) -> Namespace {
        states.insert(self.login);
        self.namespace
    }

    /// Tells pages how the server does, for as long as it runs.
    pub(crate) async fn tell_figures(traffic: Arc<Traffic>, io: Emitter) {
        figures::tell(&traffic, &io).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hash_is_refused_and_not_shown() {
        let refused = |username: &str, hash: &str| Admin::new(username, hash).checked().err();
        assert_eq!(refused("ada", "open sesame"), Some(AdminError::Hash));
        assert!(!AdminError::Hash.to_string().contains("open sesame"));
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        assert_eq!(refused("", &hash), Some(AdminError::Username));
        assert_eq!(refused("ada", &hash), None);
        let slow = hash.replacen("$04$", "$17$", 1);
        assert_eq!(refused("ada", &slow), Some(AdminError::Cost { cost: 17 }));
        assert!(!format!("{:?}", Admin::new("ada", hash.clone())).contains(&hash));
    }
}
