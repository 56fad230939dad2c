//! Events of any name, in any namespace: as a Node backend has them, with clients unchanged.

mod arguments;
mod attacks;
mod clients;
mod declarations;
mod guards;
mod handshakes;
mod hooks;
mod limits;
mod paths;
mod sessions;
mod unheard;

use bytes::Bytes;
use serde::Deserialize;
use updraft::{
    App, Args, CallError, Code, Config, Context, Data, Errors, EventName, Handshake, Identity, Json, Left,
    Module, Namespace, Result,
};

use crate::support::{Local, node_with};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hello {
    name: Option<String>,
    refuse: Option<String>,
}

/// Connects all clients that do not ask to be refused, and greets those that give a name.
async fn arrived(hello: Handshake, cx: Context) -> Result<()> {
    let said: Option<Hello> = hello.auth_as()?;
    let said = said.unwrap_or_default();
    if let Some(why) = said.refuse {
        return Err(
            CallError::new(Code::Forbidden, why).with_details(serde_json::json!({"hint": "ask nicely"}))
        );
    }
    if let Some(name) = said.name {
        cx.identify(Identity::of(name.clone()))?;
        cx.emit("welcome", &Args((name, cx.namespace()))).await?;
    }
    Ok(())
}

async fn left(left: Left, cx: Context) -> Result<()> {
    for room in left.rooms() {
        cx.to(room).emit("left", &Args((room, left.reason()))).await?;
    }
    Ok(())
}

async fn draw(Args((room, shape, iv)): Args<(String, Bytes, Bytes)>, cx: Context) -> Result<()> {
    cx.to(room).emit("client-draw", &Args((shape, iv))).await
}

async fn fallback(name: EventName, args: Args<Data>, cx: Context) -> Result<()> {
    cx.emit("heard", &Args((name.as_str(), &args.0))).await
}

fn functions(namespace: Namespace) -> Namespace {
    namespace
        .connect(arrived)
        .disconnect(left)
        .on("echo", async |args: Args<Data>| args)
        .on("say", async |args: Args<Data>, cx: Context| {
            cx.emit("said", &args).await
        })
        .on("add", async |Args((one, other)): Args<(i64, Option<i64>)>| {
            Json(one + other.unwrap_or(1))
        })
        .on("first", async |Json(first): Json<i64>| Json(first))
        .on("nothing", async || {})
        .on("fail", async || {
            Err::<(), _>(CallError::new(Code::Conflict, "it is taken"))
        })
        .on("panic", async || assert_eq!(1, 2, "at the disco"))
        .on("join", async |room: String, cx: Context| cx.join(&room))
        .on("draw", draw)
        .on("login", async |name: String, cx: Context| {
            cx.identify(Identity::of(name))
        })
        .on("whoami", async |cx: Context| {
            cx.identity().subject().map(str::to_owned)
        })
        .on("where", async |cx: Context| {
            Args((cx.namespace().to_owned(), cx.parameter("id").map(str::to_owned)))
        })
        .on("leave me", async |cx: Context| cx.disconnect())
}

fn app() -> App {
    App::new()
        .module(Module::new("api.test").on("echo", async |data: Data| data))
        .namespace(functions(Namespace::new("/")).fallback(fallback))
        .namespace(functions(Namespace::new("/chat")))
        .namespace(functions(Namespace::new("/node")).errors(Errors::first()))
        .namespace(functions(Namespace::matching("/game/{id}")))
}

async fn server() -> Local {
    Local::start(app(), Config::default()).await
}

/// Runs a script beside a server that goes on meanwhile.
async fn script(variables: &'static [(&str, &str)], script: &'static str, arguments: Vec<String>) {
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        node_with(variables, script, &arguments)
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}
