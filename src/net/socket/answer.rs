//! What a client answers that was asked.

use std::sync::Arc;

use crate::{
    call::{
        memory::{Account, Holder},
        payload::{Arguments, Arrived},
    },
    error::Result,
    net::{engineio::Malformed, socketio::packet::arguments},
};

/// Deepest nesting in what a client answers.
const DEEPEST: usize = 127;

/// What a client answers: the arguments of its ack, held for as long as the function has not read them.
///
/// # Errors
/// Where it is no packet. One that does not fit its Buffers, or finds no memory, is an error for the function that asked.
pub(super) fn acked(answer: Arrived, holder: &Arc<Holder>) -> Result<Result<Arguments>, Malformed> {
    arguments(&answer.text, DEEPEST)?;
    let held = Account::of(holder, answer.size());
    let taken = held.take(answer.size());
    Ok(taken.and_then(|()| Arguments::of_ack(answer.text, answer.attachments, held)))
}
