//! Bytes of one TCP connection, which knows nothing of what they say.

mod stream;
mod upgraded;

pub(in crate::net) use self::{
    stream::{Connection, Stream},
    upgraded::bare,
};
