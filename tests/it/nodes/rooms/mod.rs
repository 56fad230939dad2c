//! Rooms that nodes share: by one database, or by one Redis.

mod clients;
mod emits;
mod faults;
mod outages;
mod redis;
mod redis_servers;
mod rights;
mod sockets;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::{
    App, Args, BusConfig, CallError, Code, Config, Context, Credentials, Emitter, Identity, JournalConfig,
    Json, Module, Result, State, testing::TestClient,
};

use crate::support::{Local, RedisServer, TestDatabase, until_async};

/// What a client has its server emit, and to which sockets.
#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    event: String,
    #[serde(default)]
    arguments: Vec<Value>,
    /// Behind them.
    bytes: Option<Bytes>,
    /// So many times.
    times: Option<usize>,
}

impl Order {
    fn arguments(&self) -> Args<Vec<Argument<'_>>> {
        let values = self.arguments.iter().map(Argument::Json);
        Args(values.chain(self.bytes.iter().map(Argument::Buffer)).collect())
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Argument<'a> {
    Json(&'a Value),
    Buffer(&'a Bytes),
}

/// By a function, which leaves its caller out.
async fn say(Json(order): Json<Order>, cx: Context) -> Result<()> {
    let all = order.to.iter().fold(cx.broadcast(), |all, room| all.to(room));
    let target = order.except.iter().fold(all, |all, room| all.except(room));
    for _ in 0..order.times.unwrap_or(1) {
        target.emit(&order.event, &order.arguments()).await?;
    }
    Ok(())
}

/// By the server.
async fn emit(Json(order): Json<Order>, io: State<Emitter>) -> Result<()> {
    let all = order.to.iter().fold(io.of("/"), |all, room| all.to(room));
    let target = order.except.iter().fold(all, |all, room| all.except(room));
    for _ in 0..order.times.unwrap_or(1) {
        target.emit(&order.event, &order.arguments()).await?;
    }
    Ok(())
}

async fn named(credentials: Credentials) -> Result<Identity> {
    let name = credentials.token().unwrap_or("nameless");
    Ok(Identity::of(name).with_claims(json!({"of": name})))
}

fn app() -> App {
    let room = Module::new("room")
        .on("join", async |Json(room): Json<String>, cx: Context| {
            cx.join(&room)
        })
        .on("id", async |cx: Context| cx.socket_id().to_string())
        .on("rooms", async |cx: Context| Json(cx.rooms()))
        .on("say", say)
        .on("emit", emit);
    App::new().module(room).authenticate(named)
}

fn on(database: &TestDatabase) -> Config {
    let journal = JournalConfig {
        database: Some(database.url.as_str().into()),
        ..JournalConfig::default()
    };
    Config {
        journal,
        ..Config::default()
    }
}

fn by(redis: &RedisServer) -> Config {
    let bus = BusConfig {
        redis: Some(redis.url().as_str().into()),
        ..BusConfig::default()
    };
    Config {
        bus,
        ..Config::default()
    }
}

/// What nodes share their rooms by.
enum Shared {
    Database(TestDatabase),
    Redis(RedisServer),
}

impl Shared {
    async fn start(&self, app: App) -> Local {
        let config = match self {
            Self::Database(database) => on(database),
            Self::Redis(redis) => by(redis),
        };
        Local::start(app, config).await
    }

    /// Two nodes, with a client each, which they know of one another.
    async fn two_nodes(&self) -> ([Local; 2], [TestClient; 2]) {
        let nodes = [self.start(app()).await, self.start(app()).await];
        let clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
        know_each_other(&nodes, 2).await;
        (nodes, clients)
    }
}

/// Tells a story by whatever nodes share.
fn by_each(story: impl AsyncFn(&Shared)) {
    super::wait_for(async {
        story(&Shared::Database(block_in_place(TestDatabase::new))).await;
        story(&Shared::Redis(block_in_place(RedisServer::start))).await;
    });
}

/// Two nodes on a database of their own, with a client each, which they know of one another.
async fn two_nodes() -> (TestDatabase, [Local; 2], [TestClient; 2]) {
    let database = block_in_place(TestDatabase::new);
    let nodes = [start(&database, app()).await, start(&database, app()).await];
    let clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
    know_each_other(&nodes, 2).await;
    (database, nodes, clients)
}

async fn start(database: &TestDatabase, app: App) -> Local {
    Local::start(app, on(database)).await
}

async fn connect(node: &Local, name: &str) -> TestClient {
    node.server.connect_with(json!({"token": name})).await
}

/// Waits until each node lists so many sockets, its own and those of the others.
async fn know_each_other(nodes: &[Local], sockets: usize) {
    for node in nodes {
        let all = node.server.emitter().of("/");
        until_async("the nodes to know each other", async || {
            all.sockets().await.is_ok_and(|all| all.len() == sockets)
        })
        .await;
    }
}

async fn join(client: &mut TestClient, room: &str) {
    client.call("room.join").data(room).await.data::<()>();
}

async fn rooms(client: &mut TestClient) -> Vec<String> {
    client.call("room.rooms").await.data()
}

/// Whether an error is one that passes.
fn is_unavailable(error: &CallError) -> bool {
    error.code() == Code::Unavailable && error.may_be_retried()
}
