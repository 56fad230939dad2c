//! TLS: of the server's connections (`acceptor`), and of outgoing requests (`roots`, `fetch`).

pub(crate) mod acceptor;
pub(crate) mod fetch;
pub(crate) mod roots;
