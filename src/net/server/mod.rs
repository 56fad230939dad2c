//! A server from its start to its stop (`lifecycle`): what listens for its `clients` (`listener`), and the files of theirs that
//! it hands out (`client_bundle`).

mod client_bundle;
mod clients;
pub(crate) mod lifecycle;
mod listener;
