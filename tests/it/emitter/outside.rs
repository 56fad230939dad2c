//! Where an emitter comes from: an app before it starts, a hook at its start, a server that runs, a router's handle.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use tokio::{net::TcpListener, runtime::Handle, sync::oneshot};
use updraft::{
    App, Emitter, Event, Topic,
    testing::{TestApp, TestServer},
};

use super::rooms;
use crate::support::{Http, Local, Packet, RawClient, within_patience};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_tells_a_room() {
    async fn deployed(io: State<Emitter>) -> &'static str {
        let told = io.of("/").to("developers").emit("deployed", &"v2").await;
        if told.is_ok() { "told" } else { "not told" }
    }
    let app = App::new().module(rooms());
    let routes = Router::new()
        .route("/deployed", get(deployed))
        .with_state(app.emitter());
    let local = Local::of(app.routes(routes)).await;
    let [mut ada, mut bob] = [local.connect().await, local.connect().await];
    ada.call("room.join").data("developers").await.data::<()>();
    assert_eq!(Http::get(&local.url, "/deployed", &[]).body, "told");
    assert_eq!(ada.next_event().await.data::<String>(), "v2");
    bob.received_nothing_else().await;
}

/// Notes that it was dropped.
struct Ends(Option<oneshot::Sender<()>>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.take().map(|ended| ended.send(()));
    }
}

/// A timer that ticks until it is dropped.
fn ticking(app: App) -> (App, oneshot::Receiver<()>) {
    let (ended, end) = oneshot::channel();
    let ends = Ends(Some(ended));
    let app = app.on_start(async move |io| {
        let _ends = ends;
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        for number in 0_u64.. {
            ticks.tick().await;
            io.of("/").emit("tick", &number).await.unwrap();
        }
    });
    (app, end)
}

#[tokio::test]
async fn a_timer_ticks_from_the_start_to_the_end() {
    let (app, mut end) = ticking(App::new());
    let server = TestServer::start(app).await;
    let mut client = server.connect().await;
    let first = client.next_event().await.data::<u64>();
    for number in 1..20 {
        assert_eq!(client.next_event().await.data::<u64>(), first + number);
    }
    assert!(end.try_recv().is_err());
    client.close().await;
    server.stop().await;
    within_patience("the timer to end", end).await.unwrap();
}

#[tokio::test]
async fn a_test_without_a_network_has_its_timers_too() {
    let (app, end) = ticking(App::new());
    let app = TestApp::start(app).await;
    let ada = app.connect(updraft::Identity::of("ada"));
    assert_eq!(ada.event("tick").await.name, "tick");
    drop(app);
    within_patience("the timer to end", end).await.unwrap();
}

#[tokio::test]
async fn what_runs_beside_a_server_may_panic_or_end() {
    let ran = Arc::new(AtomicUsize::new(0));
    let (first, second) = (ran.clone(), ran.clone());
    let app = App::new()
        .on_start(async move |_| {
            first.fetch_add(1, Ordering::SeqCst);
        })
        .on_start(|_| -> std::future::Ready<()> { panic!("as soon as it is called") })
        .on_start(async move |io| {
            second.fetch_add(1, Ordering::SeqCst);
            io.of("/").emit("nobody is here", &1).await.unwrap();
        });
    let server = TestServer::start(app).await;
    let mut client = server.connect().await;
    client.received_nothing_else().await;
    server.stop().await;
    assert_eq!(ran.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_listener_tells_a_room_what_was_published() {
    let app = App::new().module(rooms()).topic(Topic::new("orders"));
    let io = app.emitter();
    let app = app.consumer("orders", "kitchen", move |order| {
        let io = io.clone();
        async move { io.of("/").to("kitchen").emit("order", &order.key).await }
    });
    let server = TestServer::start(app).await;
    let mut cook = server.connect().await;
    cook.call("room.join").data("kitchen").await.data::<()>();
    let publisher = server.feed().unwrap().topic("orders");
    for number in 0..50 {
        let order = Event::new("order.placed").key(format!("table {number}"));
        publisher.publish(order).await.unwrap();
    }
    for number in 0..50 {
        assert_eq!(
            cook.next_event().await.data::<String>(),
            format!("table {number}")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_child_process_writes_is_told_line_by_line() {
    let server = TestServer::start(App::new()).await;
    let mut client = server.connect().await;
    let (io, runtime) = (server.emitter(), Handle::current());
    let watch = std::thread::spawn(move || {
        let mut build = Command::new("sh")
            .args(["-c", "echo compiling; echo linking; exit 3"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        for line in BufReader::new(build.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            runtime.block_on(io.of("/").emit("line", &line)).unwrap();
        }
        let code = build.wait().unwrap().code();
        runtime.block_on(io.of("/").emit("exit", &code)).unwrap();
    });
    for line in ["compiling", "linking"] {
        assert_eq!(client.next_event().await.data::<String>(), line);
    }
    let exit = client.next_event().await;
    assert_eq!((&*exit.name, exit.data::<i32>()), ("exit", 3));
    watch.join().unwrap();
}

#[tokio::test]
async fn an_emitter_reaches_nobody_before_the_start() {
    let app = App::new();
    let io = app.emitter();
    io.of("/").emit("early", &1).await.unwrap();
    io.of("/").disconnect().await.unwrap();
    assert!(io.of("/").sockets().await.unwrap().is_empty());
    let all = io.of("/");
    let acks = all
        .emit_with_ack::<()>("early", &1, Duration::from_secs(60))
        .await;
    assert!(acks.unwrap().is_empty());
    let server = TestServer::start(app).await;
    let mut client = server.connect().await;
    io.of("/").emit("late", &2).await.unwrap();
    assert_eq!(client.next_event().await.name, "late");
}

#[tokio::test]
async fn a_router_has_an_emitter_by_its_handle() {
    let (app, end) = ticking(App::new().module(rooms()));
    let (router, handle) = app.into_router().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut client = RawClient::connect(&url).await;
    handle.emitter().of("/").emit("by hand", &7).await.unwrap();
    let mut names = Vec::new();
    while !(names.contains(&"tick".to_owned()) && names.contains(&"by hand".to_owned())) {
        if let Packet::Event(name, ..) = client.packet().await {
            names.push(name);
        }
    }
    drop(client);
    handle.stop().await;
    within_patience("the timer to end", end).await.unwrap();
}
