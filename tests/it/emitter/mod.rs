//! What is emitted from outside any call, and to which sockets: `Emitter`, and the targets that functions share with it.

mod acks;
mod clients;
mod connected;
mod names;
mod outside;
mod repeated;
mod several;
mod sockets;
mod targets;
mod volatile;

use updraft::{Context, Json, Module, Result};

/// Functions by which a test moves a client.
fn rooms() -> Module {
    Module::new("room")
        .on("join", async |Json(room): Json<String>, cx: Context| {
            cx.join(&room)
        })
        .on("id", async |cx: Context| cx.socket_id().to_string())
        .on("rooms", async |cx: Context| Json(cx.rooms()))
}

/// The app's own idea of a socket, as a function keeps it there.
#[derive(Debug, PartialEq)]
struct Seat(u32);

/// Has a function keep something on its socket.
async fn sit(Json(seat): Json<u32>, cx: Context) -> Result<()> {
    cx.set_socket_data(Seat(seat));
    Ok(())
}
