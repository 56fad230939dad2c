//! Who a client is: what it presents (`credentials`), the `keys` that its token must be signed with (a `key` each, or a
//! `key_set` at an address), whether the token
//! holds (`tokens`), and who may not come back (`subjects`). The `authenticator` asks them, or a function of the app's.
//! `refresh` is what clients call before their token expires.

mod authenticator;
mod credentials;
mod key;
mod key_set;
mod keys;
mod refresh;
mod subjects;
mod tokens;

pub(crate) use self::{
    authenticator::{Authenticator, Deciding, deciding},
    refresh::module,
};
pub(super) use self::{
    authenticator::{Identified, revoked},
    credentials::Handshake,
    refresh::milliseconds,
};
pub use self::{credentials::Credentials, key::KeyError, subjects::Subjects};
