//! Who a client is: what it presents (`credentials`), the `keys` that its token must be signed with (a `key` each, or a
//! `key_set` at an address), whether the token
//! holds (`tokens`), and who may not come back (`subjects`). The `authenticator` asks them, or a function of the app's.
//! `refresh` is what clients call before their token expires, and `expiry` closes those who do not.

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
    refresh::module,
};
pub use self::{credentials::Credentials, key::KeyError, subjects::Subjects};
