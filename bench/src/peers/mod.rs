//! The servers that are compared.

pub(crate) mod bare;
pub(crate) mod store;
pub(crate) mod updraft;
