//! What is volatile is dropped for a client that is behind; everything else waits for it.

use std::time::Duration;

use serde_json::json;
use updraft::{App, Config, Context, Emitter, HttpConfig, Module, Namespace, Result, SessionConfig, State};

use super::rooms;
use crate::{
    faults::Polling,
    support::{HEARTBEAT, Http, Local, Packet, RawClient, until},
};

/// More than the sockets between a server and a narrow client take in.
const MANY: u32 = 2000;

fn padded(number: u32) -> (u32, String) {
    (number, "x".repeat(4000))
}

fn figure(local: &Local, series: &str) -> u32 {
    let text = Http::get(&local.url, "/metrics", &[]).body;
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let figure = line.unwrap_or_else(|| panic!("{series} is not told: {text}"));
    figure.trim().parse().unwrap()
}

fn missed(local: &Local, cause: &str) -> u32 {
    figure(local, &format!("updraft_missed_total{{cause=\"{cause}\"}}"))
}

async fn server(module: Module) -> Local {
    start(App::new().module(rooms()).module(module)).await
}

async fn start(app: App) -> Local {
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        // A client that reads nothing stays as long as the story wants it.
        session: SessionConfig {
            ping_interval: HEARTBEAT,
            send_timeout: HEARTBEAT,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    Local::start(app, config).await
}

/// The numbers of the events of a name that come up to `over`, and whether they rise.
async fn numbers(client: &mut RawClient, name: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        match client.packet().await {
            Packet::Event(event, data, _) if event == name => numbers.push(data[0].as_u64().unwrap()),
            Packet::Event(event, ..) if event == "over" => break,
            other => panic!("{name} was expected, not {other:?}"),
        }
    }
    assert!(numbers.is_sorted(), "in order");
    numbers
}

async fn emit(io: &Emitter, name: &str, numbers: std::ops::Range<u32>) -> Result<()> {
    let all = match name {
        "cursor" => io.of("/").volatile(),
        _ => io.of("/"),
    };
    for number in numbers {
        all.emit(name, &padded(number)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_misses_what_is_volatile_and_nothing_else() {
    let local = server(Module::new("none").on("at_all", async || ())).await;
    let mut slow = RawClient::connect_narrow(&local.url, &json!({})).await;
    let mut fast = local.client().await;
    let io = local.server.emitter();
    let held_before = figure(&local, "updraft_memory_held_bytes");
    let fast_reads = tokio::spawn(async move { (numbers(&mut fast, "cursor").await, fast) });
    emit(&io, "cursor", 0..MANY).await.unwrap();
    until("the slow one to have missed some", || {
        missed(&local, "volatile") > MANY / 2
    })
    .await;
    let held = figure(&local, "updraft_memory_held_bytes") - held_before;
    assert!(held < 2 << 20, "{held} bytes are held for volatile events");
    assert_eq!(missed(&local, "queue_full"), 0);
    // A normal emit waits in the queue, behind what is there.
    io.of("/").emit("over", &()).await.unwrap();
    let heard = numbers(&mut slow, "cursor").await;
    let (fast_heard, mut fast) = fast_reads.await.unwrap();
    let dropped = missed(&local, "volatile") as usize;
    assert_eq!(
        heard.len() + fast_heard.len() + dropped,
        2 * MANY as usize,
        "each is heard or counted"
    );
    assert!(!heard.is_empty() && fast_heard.len() > heard.len());
    // It has caught up, and hears what is volatile again.
    emit(&io, "cursor", 0..1).await.unwrap();
    io.of("/").emit("over", &()).await.unwrap();
    for client in [&mut slow, &mut fast] {
        assert_eq!(numbers(client, "cursor").await, [0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_drops_what_is_volatile_for_its_caller_and_for_others() {
    async fn flood(cx: Context) -> Result<()> {
        for number in 0..MANY {
            cx.volatile()
                .within("all")
                .emit("cursor", &padded(number))
                .await?;
            cx.volatile().emit("cursor", &padded(number)).await?;
        }
        cx.all().emit("over", &()).await
    }
    let local = server(Module::new("flood").on("all", flood)).await;
    let mut speaker = RawClient::connect_narrow(&local.url, &json!({})).await;
    let mut other = RawClient::connect_narrow(&local.url, &json!({})).await;
    for client in [&mut speaker, &mut other] {
        client.call(&json!({"event": "room.join", "data": "all"})).await;
    }
    speaker.emit(&json!({"event": "flood.all"})).await;
    until("both to have missed some", || {
        missed(&local, "volatile") > 2 * MANY
    })
    .await;
    let heard = numbers(&mut speaker, "cursor").await.len() + numbers(&mut other, "cursor").await.len();
    assert_eq!(heard + missed(&local, "volatile") as usize, 3 * MANY as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_polls_hears_what_is_volatile_only_by_an_open_poll() {
    let local = server(Module::new("none").on("at_all", async || ())).await;
    let io = local.server.emitter();
    let client = Polling::connect(&local.url).await;
    // No poll is open.
    io.of("/").volatile().emit("cursor", &1).await.unwrap();
    until("it to be missed", || missed(&local, "volatile") == 1).await;
    io.of("/").emit("saved", &2).await.unwrap();
    assert_eq!(
        client.poll().await.text(),
        r#"42["saved",2]"#,
        "what is normal waited"
    );
    // A poll that is open takes it at once. Nobody but the server knows when it is: so it is emitted until it was.
    let heard = client.poll();
    tokio::pin!(heard);
    let mut emitted = 2;
    let heard = loop {
        tokio::select! {
            heard = &mut heard => break heard,
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                io.of("/").volatile().emit("cursor", &emitted).await.unwrap();
                emitted += 1;
            }
        }
    };
    let heard = heard.text().split('\x1e').count() as u32;
    assert!(heard > 0);
    until("the others to be missed", || {
        missed(&local, "volatile") + heard == emitted - 1
    })
    .await;
    // And it is closed again.
    io.of("/").volatile().emit("cursor", &0).await.unwrap();
    until("it to be missed", || {
        missed(&local, "volatile") + heard == emitted
    })
    .await;
    io.of("/").emit("over", &()).await.unwrap();
    assert_eq!(client.poll().await.text(), r#"42["over",null]"#);
}

/// In Node, too: there the packet that tells it that it is connected is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_connect_hook_runs_misses_what_is_volatile_and_hears_the_rest() {
    async fn arrived(cx: Context, io: State<Emitter>) -> Result<()> {
        cx.join("lobby")?;
        cx.volatile().emit("cursor", &1).await?;
        cx.volatile().within("lobby").emit("cursor", &2).await?;
        io.of("/chat").volatile().emit("cursor", &3).await?;
        cx.emit("saved", &4).await?;
        cx.within("lobby").emit("saved", &5).await
    }
    let chat = Namespace::new("/chat")
        .connect(arrived)
        .on("move", async |cx: Context| cx.volatile().emit("cursor", &6).await);
    let local = start(App::new().namespace(chat)).await;
    let mut client = local.client().await;
    client.send("40/chat,").await;
    assert!(client.text().await.starts_with("40/chat,{"));
    assert_eq!(client.text().await, r#"42/chat,["saved",4]"#);
    assert_eq!(client.text().await, r#"42/chat,["saved",5]"#);
    client.send(r#"42/chat,["move"]"#).await;
    assert_eq!(client.text().await, r#"42/chat,["cursor",6]"#);
    assert_eq!(
        missed(&local, "volatile"),
        2,
        "what was said to it alone, and to its room"
    );
}
