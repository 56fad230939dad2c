//! Connections to a PostgreSQL database, for the journal and for all else that nodes share.

mod connection;
mod error;
mod notifications;
mod receivers;

pub use self::error::PostgresError;
pub(crate) use self::{
    connection::{Database, Parameter, Said, within},
    error::said,
    notifications::{Notifications, Subscription},
};
