//! Authentication: the `credentials` of a client, the `keys` that verify its token (a `key` each, or a `key_set` at a
//! URL), verification (`tokens`), and revoked `subjects`. The `authenticator` uses them, or a function of the app.
//! Clients call `refresh` before their token expires; `expiry` closes the others.

mod authenticator;
mod credentials;
pub(crate) mod expiry;
mod key;
mod key_set;
mod keys;
mod refresh;
mod subjects;
mod tokens;

pub(crate) use self::{
    authenticator::{Authenticator, Deciding, Identified, deciding, revoked},
    credentials::Handshake,
    keys::check,
    refresh::module,
    subjects::REVOKED,
};
pub use self::{credentials::Credentials, key::KeyError, subjects::Subjects};
