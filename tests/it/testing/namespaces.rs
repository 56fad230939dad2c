//! Events of any name, in any namespace, without a network.

use serde_json::json;
use updraft::{
    App, Args, CallError, Code, Context, Handshake, Identity, Json, Left, Module, Namespace, Result,
    testing::{Target, TestApp, TestServer},
};

async fn arrived(hello: Handshake, cx: Context) -> Result<()> {
    match hello.auth()["password"] == "please" {
        true => cx.join("lobby"),
        false => Err(CallError::new(Code::Forbidden, "say please")),
    }
}

async fn draw(Args((shape, size)): Args<(String, u8)>, cx: Context) -> Result<Args<(bool, u8)>> {
    cx.to("lobby").emit("drawn", &Args((&shape, size))).await?;
    Ok(Args((true, size + 1)))
}

async fn left(left: Left, cx: Context) -> Result<()> {
    for room in left.rooms() {
        cx.to(room).emit("left", &Args((room, left.reason()))).await?;
    }
    Ok(())
}

fn app() -> App {
    let games = Namespace::matching("/game/{id}")
        .connect(arrived)
        .disconnect(left)
        .on("draw", draw)
        .on("which", async |cx: Context| cx.parameter("id").map(str::to_owned));
    App::new().namespace(games)
}

#[tokio::test]
async fn sockets_of_one_namespace_hear_each_other_and_no_other() {
    let app = TestApp::start(app()).await;
    let please = json!({"password": "please"});
    let join = async |name: &str, who: &str| {
        let joined = app.connect_to(name, Identity::of(who.to_owned()), &please).await;
        joined.unwrap()
    };
    let (ada, bob) = (join("/game/7", "ada").await, join("/game/7", "bob").await);
    let eve = join("/game/8", "eve").await;
    let answer = ada.emit("draw", Args(("circle", 2))).await;
    assert_eq!(answer.data::<(bool, u8)>(), (true, 3));
    assert_eq!(
        bob.event("drawn").await.data::<(String, u8)>(),
        ("circle".to_owned(), 2)
    );
    let emitted = &app.emitted()[0];
    assert_eq!(
        (&*emitted.namespace, &emitted.to),
        ("/game/7", &Target::to("lobby"))
    );
    assert_eq!(eve.emit("which", ()).await.data::<String>(), "8");
    ada.disconnect();
    let told = bob.event("left").await.data::<(String, String)>();
    assert_eq!(
        told,
        ("lobby".to_owned(), "client namespace disconnect".to_owned())
    );
    eve.received_nothing_else();
}

#[tokio::test]
async fn what_a_hook_refuses_and_nobody_hears_is_told() {
    let app = TestApp::start(app()).await;
    let refused = app.connect_to("/game/7", Identity::ANONYMOUS, ()).await;
    assert_eq!(refused.unwrap_err().message(), "say please");
    let please = json!({"password": "please"});
    let ada = app
        .connect_to("/game/7", Identity::ANONYMOUS, please)
        .await
        .unwrap();
    assert_eq!(ada.emit("sing", 1).await.error().code(), Code::UnknownEvent);
    let misfit = ada.emit("draw", Args(("circle", "large"))).await;
    assert_eq!(misfit.error().details().unwrap()["path"], "arguments[1]");
}

/// How many were connected when this socket was about to.
struct Before(usize);

async fn count(cx: Context) -> Result<()> {
    cx.join("lobby")?;
    cx.within("lobby").emit("come", &1).await?;
    cx.set_socket_data(Before(cx.all().sockets().await?.len()));
    Ok(())
}

fn counting() -> App {
    let before = async |cx: Context| Json(cx.socket_data::<Before>().map(|before| before.0));
    App::new()
        .namespace(Namespace::new("/").connect(count))
        .module(Module::new("test").on("before", before))
}

#[tokio::test]
async fn a_socket_is_not_among_those_that_are_connected_before_it_is() {
    let app = TestApp::start(counting()).await;
    let server = TestServer::start(counting()).await;
    let mut sockets = Vec::new();
    for already in 0..3 {
        let socket = app.connect_to("/", Identity::ANONYMOUS, ()).await.unwrap();
        assert_eq!(socket.call("test.before").await.data::<usize>(), already);
        assert_eq!(
            socket.event("come").await.data::<u8>(),
            1,
            "its own hook reaches it"
        );
        socket.received_nothing_else();
        sockets.push(socket);
        assert_eq!(app.emitter().of("/").sockets().await.unwrap().len(), already + 1);
    }
    let mut clients = Vec::new();
    for already in 0..3 {
        let mut client = server.connect().await;
        assert_eq!(client.call("test.before").await.data::<usize>(), already);
        assert_eq!(client.event("come").await.data::<u8>(), 1);
        clients.push(client);
    }
    // A call that names no socket is of one that connects with it.
    app.call("test.before").await.raw();
    assert_eq!(app.emitter().of("/").sockets().await.unwrap().len(), 4);
}
