//! The namespace that the admin page of Socket.IO connects to (`@socket.io/admin-ui` on npm): `login` says who may, `figures` are
//! what it is sent every two seconds, `actions` what it may do to other sockets. It is made of what any app has: a `Namespace`
//! with hooks, and an `Emitter`.

mod actions;
mod attempts;
mod declaration;
mod figures;
mod login;
mod sessions;

pub(crate) use self::declaration::AdminPage;
pub use self::declaration::{Admin, AdminError};
