//! A server from its start to its stop (`lifecycle`): what listens for its `clients` (`listener`) and their `connections`, the
//! files of theirs that it hands out (`client_bundle`), whether it is ready (`health`), and what an app runs beside it
//! (`start_tasks`); its `routes`, and what of it is replaced while it runs (`reload`).

mod client_bundle;
mod clients;
mod connections;
mod health;
pub(crate) mod lifecycle;
mod listener;
pub(crate) mod reload;
pub(crate) mod routes;
pub(crate) mod serve_error;
pub(crate) mod start_tasks;
