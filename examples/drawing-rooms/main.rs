//! The room server of an end-to-end encrypted drawing board, with the events of excalidraw-room, so that its clients connect
//! unchanged. The key is in the links that people share: the server passes Buffers on, and cannot read them.
//! `cargo run --example drawing-rooms`

use std::process::ExitCode;

use axum::{Router, response::Html, routing::get};
use bytes::Bytes;
use serde::Deserialize;
use updraft::{App, Args, BroadcastTo, Context, Json, Left, Namespace, Result, SocketId};

fn main() -> ExitCode {
    app().run()
}

pub(crate) fn app() -> App {
    let rooms = Namespace::new("/")
        .connect(arrived)
        .on("join-room", join_room)
        .on("server-broadcast", broadcast)
        .on("server-volatile-broadcast", volatile_broadcast)
        .on("user-follow", follow)
        .disconnect(left);
    App::new()
        .namespace(rooms)
        .routes(Router::new().route("/", get(async || Html(include_str!("index.html")))))
}

/// The room of those who follow a socket's view: this, and its id.
const FOLLOWERS: &str = "follow@";

async fn arrived(cx: Context) -> Result<()> {
    cx.emit("init-room", &Args(())).await
}

async fn join_room(room: String, cx: Context) -> Result<()> {
    cx.join(&room)?;
    let members = members(cx.within(&room)).await?;
    match members.len() {
        1 => cx.emit("first-in-room", &Args(())).await?,
        _ => cx.to(&room).emit("new-user", cx.socket_id()).await?,
    }
    cx.within(&room).emit("room-user-change", &members).await
}

/// A room, what was encrypted, and its initialization vector.
type Encrypted = Args<(String, Bytes, Bytes)>;

async fn broadcast(Args((room, scene, iv)): Encrypted, cx: Context) -> Result<()> {
    cx.to(room).emit("client-broadcast", &Args((scene, iv))).await
}

/// Pointers that move: a client that is behind misses some.
async fn volatile_broadcast(Args((room, pointer, iv)): Encrypted, cx: Context) -> Result<()> {
    let others = cx.to(room).volatile();
    others.emit("client-broadcast", &Args((pointer, iv))).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Follow {
    user_to_follow: User,
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    socket_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    Follow,
    Unfollow,
}

async fn follow(Json(follow): Json<Follow>, cx: Context) -> Result<()> {
    let followed = follow.user_to_follow.socket_id;
    let room = format!("{FOLLOWERS}{followed}");
    match follow.action {
        Action::Follow => cx.join(&room)?,
        Action::Unfollow => cx.leave(&room),
    }
    let followers = members(cx.within(room)).await?;
    // The id of a socket is a room, too, in which it is alone.
    cx.to(followed).emit("user-follow-room-change", &followers).await
}

async fn left(left: Left, cx: Context) -> Result<()> {
    for room in left.rooms() {
        let others = members(cx.to(room)).await?;
        match room.strip_prefix(FOLLOWERS) {
            Some(followed) if others.is_empty() => {
                cx.to(followed).emit("broadcast-unfollow", &Args(())).await?
            }
            Some(_) => {}
            None => cx.to(room).emit("room-user-change", &others).await?,
        }
    }
    Ok(())
}

/// The ids of sockets.
async fn members(sockets: BroadcastTo<'_>) -> Result<Vec<SocketId>> {
    let sockets = sockets.sockets().await?;
    Ok(sockets.into_iter().map(|socket| socket.id).collect())
}
