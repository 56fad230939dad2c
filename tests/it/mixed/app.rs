//! What clients may ask of a server of Updraft: the same as of one of Node (tests/clients/neighbour.mjs).

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use updraft::{App, Args, BroadcastTo, Context, Data, Emitter, Json, Namespace, Result, State};

/// The namespaces that servers have.
const NAMESPACES: [&str; 2] = ["/", "/admin"];

/// What a client has its server do, and to which sockets.
#[derive(Deserialize)]
struct Order {
    namespace: String,
    to: Vec<String>,
    except: Vec<String>,
    volatile: bool,
    event: String,
    /// To all but the client.
    #[serde(default)]
    by_socket: bool,
    /// How long acks are waited for, in milliseconds.
    #[serde(default)]
    wait: u64,
    #[serde(default)]
    text: String,
    join: Option<String>,
    leave: Option<String>,
    #[serde(default)]
    disconnect: bool,
    #[serde(default)]
    close: bool,
}

impl Order {
    fn targets<'a>(&self, all: BroadcastTo<'a>) -> BroadcastTo<'a> {
        let all = self.to.iter().fold(all, |all, room| all.to(room));
        let all = self.except.iter().fold(all, |all, room| all.except(room));
        match self.volatile {
            true => all.volatile(),
            false => all,
        }
    }

    fn sockets(&self, io: &Emitter) -> BroadcastTo<'static> {
        self.targets(io.of(&self.namespace))
    }
}

pub(super) fn app() -> App {
    let app = App::new();
    let io = app.emitter();
    let app = app.heed("length?", async |text: String| Ok(text.len()));
    // What servers tell each other, the clients of each hear.
    let app = ["news", "8"].into_iter().fold(app, |app, event| {
        let io = io.clone();
        app.heed(event, move |news: Args<Vec<Data>>| {
            let io = io.clone();
            async move { io.of("/").local().emit("news", &news).await }
        })
    });
    NAMESPACES
        .iter()
        .fold(app, |app, name| app.namespace(functions(Namespace::new(*name))))
}

fn functions(namespace: Namespace) -> Namespace {
    namespace
        .on("join", async |room: String, cx: Context| cx.join(&room))
        .on("leave", async |room: String, cx: Context| cx.leave(&room))
        .on("rooms", async |cx: Context| {
            let mut rooms = cx.rooms();
            rooms.sort();
            Json(rooms)
        })
        .on("say", say)
        .on("ask", ask)
        .on("list", list)
        .on("move", moved)
        .on("announce", announce)
        .on("inquire", inquire)
}

/// An order, and the arguments of what it is to emit.
fn order(Args(mut said): Args<Vec<Data>>) -> Result<(Order, Args<Vec<Data>>)> {
    let order = said.remove(0).json()?;
    Ok((order, Args(said)))
}

async fn say(said: Args<Vec<Data>>, cx: Context, io: State<Emitter>) -> Result<()> {
    let (order, said) = order(said)?;
    match order.by_socket {
        true => order.targets(cx.broadcast()).emit(&order.event, &said).await,
        false => order.sockets(&io).emit(&order.event, &said).await,
    }
}

async fn ask(Json(order): Json<Order>, io: State<Emitter>) -> Result<Json<Vec<Data>>> {
    let wait = Duration::from_millis(order.wait);
    let asked = order.sockets(&io);
    let acks = asked
        .emit_with_ack::<Args<Vec<Data>>>(&order.event, &Args(()), wait)
        .await?;
    let acked = acks.into_iter().filter_map(|ack| ack.result.ok());
    Ok(Json(acked.map(told).collect::<Result<_>>()?))
}

/// The first of an answer's arguments, in JSON, which cannot say `undefined`.
fn told(Args(answer): Args<Vec<Data>>) -> Result<Data> {
    answer
        .into_iter()
        .next()
        .map_or_else(|| Data::new("undefined"), Ok)
}

async fn list(Json(order): Json<Order>, io: State<Emitter>) -> Result<Json<Vec<Value>>> {
    let sockets = order.sockets(&io).sockets().await?;
    let listed = sockets.iter().map(|socket| {
        let data = socket.data::<Value>();
        json!({"id": socket.id, "rooms": socket.rooms, "data": data.as_deref()})
    });
    Ok(Json(listed.collect()))
}

async fn moved(Json(order): Json<Order>, io: State<Emitter>) -> Result<()> {
    let sockets = order.sockets(&io);
    if let Some(room) = &order.join {
        sockets.join(room).await?;
    }
    if let Some(room) = &order.leave {
        sockets.leave(room).await?;
    }
    match (order.disconnect, order.close) {
        (true, true) => sockets.close().await,
        (true, false) => sockets.disconnect().await,
        (false, _) => Ok(()),
    }
}

async fn announce(said: Args<Vec<Data>>, io: State<Emitter>) -> Result<()> {
    let (order, said) = order(said)?;
    io.announce(&order.event, &said).await
}

async fn inquire(Json(order): Json<Order>, io: State<Emitter>) -> Result<Json<Vec<Data>>> {
    let answers = io
        .announce_with_ack::<Args<Vec<Data>>>(&order.event, &order.text)
        .await?;
    let answers = answers.into_iter().map(told);
    Ok(Json(answers.collect::<Result<_>>()?))
}
