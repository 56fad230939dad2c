//! What clients may not do, or not so much of: whose pages may connect (`origins`, of one `origin` each), how many
//! connections one address may have (`per_address`), also behind `proxies`, how many calls a socket may make (`rate`),
//! what a subject may take over all its sockets (`per_subject`) and all nodes (`over_nodes`, by a `subject_table`), and how fast
//! a connection may send (`byte_rate`).

pub(super) mod byte_rate;
mod origin;
pub(super) mod origins;
// Without a database nothing counts over nodes.
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(crate) mod over_nodes;
pub(crate) mod per_address;
pub(super) mod per_subject;
pub(super) mod proxies;
pub(crate) mod rate;
#[cfg(feature = "postgres")]
pub(crate) mod subject_table;
