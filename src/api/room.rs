//! `api.room`: rooms that clients enter, leave and speak to.

use serde::Deserialize;
use serde_json::value::RawValue;
use updraft::{CallError, Code, Context, Json, Module, Result};

/// Longest name of a room, in bytes.
const MAX_ROOM: usize = 64;

pub(crate) fn module() -> Module {
    Module::new("api.room")
        .on("join", join)
        .on("leave", leave)
        .on("say", say)
}

#[derive(Deserialize)]
struct Room {
    room: String,
}

#[derive(Deserialize)]
struct Speech {
    room: String,
    /// As it is written: a tree of it may take thirty times the room.
    message: Box<RawValue>,
}

async fn join(Json(Room { room }): Json<Room>, cx: Context) -> Result<()> {
    if room.is_empty() || room.len() > MAX_ROOM {
        return Err(CallError::new(
            Code::InvalidData,
            "a room has a name of 1 to 64 bytes",
        ));
    }
    cx.join(&room)
}

async fn leave(Json(Room { room }): Json<Room>, cx: Context) {
    cx.leave(&room);
}

/// Emits to everyone in the room as `message`, to the speaker too. Only those in the room may speak to it.
async fn say(Json(speech): Json<Speech>, cx: Context) -> Result<()> {
    if !cx.rooms().contains(&speech.room) {
        return Err(CallError::new(Code::Forbidden, "join the room first"));
    }
    cx.within(speech.room).emit("message", &speech.message).await
}
