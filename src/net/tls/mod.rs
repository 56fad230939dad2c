//! TLS: beneath the server's connections (`acceptor`), and whom the program itself believes as a client (`roots`, `fetch`).

pub(crate) mod acceptor;
pub(in crate::net) mod fetch;
pub(crate) mod roots;
