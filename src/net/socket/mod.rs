//! A client's socket in a namespace, as its calls and their functions see it. `client` puts the packets of a session together
//! for its sockets; a call waits in the `call_queue` of a `client_socket`, and packets leave by its `sender`.

mod answer;
mod call_queue;
pub(in crate::net) mod client;
mod client_socket;
mod connect;
pub(in crate::net) mod connection_settings;
mod dialect;
mod entrance;
pub(in crate::net) mod in_flight;
mod open_namespaces;
mod peer;
mod refusals;
mod sender;
mod server_event;
mod session_limits;
pub(in crate::net) mod shared;
mod unhandled_events;
