//! A chat room, as in Socket.IO's own example: names, messages, "is typing". `cargo run --example chat`
//!
//! Nothing is kept: what nobody may miss belongs in a topic, as `examples/orders` has it.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{Router, response::Html, routing::get};
use serde::Serialize;
use updraft::{App, CallError, Code, Context, Namespace, Result, State};

fn main() -> ExitCode {
    app().run()
}

pub(crate) fn app() -> App {
    let chat = Namespace::new("/")
        .on("add user", add_user)
        .on("new message", new_message)
        .on("typing", typing)
        .on("stop typing", stop_typing)
        .disconnect(left);
    App::new()
        .namespace(chat)
        .state(Participants::default())
        .routes(Router::new().route("/", get(async || Html(include_str!("index.html")))))
}

/// How many have said their name.
#[derive(Default)]
struct Participants(AtomicUsize);

/// Kept on a socket once its client has said it.
struct Username(String);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    num_users: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Presence<'a> {
    username: &'a str,
    num_users: usize,
}

#[derive(Serialize)]
struct Message<'a> {
    username: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Typing<'a> {
    username: &'a str,
}

async fn add_user(username: String, State(participants): State<Participants>, cx: Context) -> Result<()> {
    if cx.socket_data::<Username>().is_some() {
        return Ok(());
    }
    let num_users = participants.0.fetch_add(1, Ordering::Relaxed) + 1;
    cx.set_socket_data(Username(username.clone()));
    cx.emit("login", &Login { num_users }).await?;
    let joined = Presence {
        username: &username,
        num_users,
    };
    cx.broadcast().emit("user joined", &joined).await
}

async fn new_message(message: String, cx: Context) -> Result<()> {
    let user = user(&cx)?;
    let said = Message {
        username: &user.0,
        message: &message,
    };
    cx.broadcast().emit("new message", &said).await
}

async fn typing(cx: Context) -> Result<()> {
    let username = &user(&cx)?.0;
    cx.broadcast().emit("typing", &Typing { username }).await
}

async fn stop_typing(cx: Context) -> Result<()> {
    let username = &user(&cx)?.0;
    cx.broadcast().emit("stop typing", &Typing { username }).await
}

async fn left(State(participants): State<Participants>, cx: Context) -> Result<()> {
    let Ok(user) = user(&cx) else {
        return Ok(());
    };
    let left = Presence {
        username: &user.0,
        num_users: participants.0.fetch_sub(1, Ordering::Relaxed) - 1,
    };
    cx.broadcast().emit("user left", &left).await
}

fn user(cx: &Context) -> Result<std::sync::Arc<Username>> {
    cx.socket_data()
        .ok_or_else(|| CallError::new(Code::Unauthenticated, "say your name first: add user"))
}
