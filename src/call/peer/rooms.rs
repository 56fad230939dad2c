//! The rooms that a socket is in.

use serde_json::json;

use crate::error::{CallError, Code, Result};

/// A socket that enters and leaves rooms.
pub trait RoomMember {
    /// Most rooms that it may be in.
    fn max_rooms(&self) -> usize;

    /// Enters a room, unless that is one too many; whether it is in it now.
    fn enter(&self, room: &str) -> bool;

    /// Enters a room whose name is short enough.
    ///
    /// # Errors
    /// Where the name is too long, and where it is in as many rooms as it may be.
    fn join(&self, room: &str) -> Result<()> {
        check_room(room)?;
        match self.enter(room) {
            true => Ok(()),
            false => Err(in_too_many_rooms(self.max_rooms())),
        }
    }

    /// Leaves a room.
    fn leave(&self, room: &str);

    /// The rooms it is in.
    fn rooms(&self) -> Vec<String>;
}

/// Longest name of a room, in bytes: sockets hold the names of their rooms for as long as they are in them.
const LONGEST_ROOM: usize = 1024;

/// That a socket may enter a room of this name.
///
/// # Errors
/// Where that is too long.
fn check_room(room: &str) -> Result<()> {
    match room.len() <= LONGEST_ROOM {
        true => Ok(()),
        false => Err(CallError::new(
            Code::TooLarge,
            format!("the name of a room has {LONGEST_ROOM} bytes at most"),
        )
        .with_details(json!({ "most": LONGEST_ROOM }))),
    }
}

/// The refusal of one room too many.
fn in_too_many_rooms(most: usize) -> CallError {
    let full = CallError::new(Code::TooLarge, format!("a socket is in {most} rooms at most"));
    full.with_details(json!({ "most": most }))
}
