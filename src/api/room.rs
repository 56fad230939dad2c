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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft::{
        App, Code, Identity,
        testing::{Target, TestApp},
    };

    #[tokio::test]
    async fn who_is_in_a_room_speaks_to_it_and_nobody_else_does() {
        let app = TestApp::start(App::new().module(super::module())).await;
        let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| app.connect(Identity::of(name)));
        for socket in [&ada, &bob] {
            socket
                .call("api.room.join")
                .data(json!({"room": "lobby"}))
                .await
                .data::<()>();
        }
        let hello = json!({"room": "lobby", "message": ["hello", 1]});
        assert_eq!(
            eve.call("api.room.say").data(&hello).await.error().code(),
            Code::Forbidden
        );
        assert!(app.emitted().is_empty());

        ada.call("api.room.say").data(&hello).await.data::<()>();
        assert_eq!(app.emitted()[0].to, Target::within("lobby"));
        for socket in [&ada, &bob] {
            assert_eq!(
                socket.event("message").await.data::<(String, u32)>(),
                ("hello".to_owned(), 1)
            );
        }
        eve.received_nothing_else();

        bob.call("api.room.leave")
            .data(json!({"room": "lobby"}))
            .await
            .data::<()>();
        assert!(bob.rooms().is_empty());
        let nameless = ada.call("api.room.join").data(json!({"room": ""})).await;
        assert_eq!(nameless.error().code(), Code::InvalidData);
    }
}
