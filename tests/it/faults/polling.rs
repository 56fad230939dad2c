//! Sessions that poll.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    sync::Semaphore,
    time::{sleep, timeout},
};
use updraft::{
    App, Config, Event, HttpConfig, Namespace, State, Topic, everyone,
    journal::{Journal, MemoryJournal},
};

use super::{
    Polling, answer, call,
    memory::figure,
    server,
    session::{ask, begin},
};
use crate::support::{Local, until, until_async, within_patience};

/// By then a poll is there, unless this machine has much to do.
const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_poll_takes_16_packets_at_most() {
    let server = server(Config::default()).await;
    let client = Polling::connect(&server.url).await;
    let calls: Vec<_> = (0..100).map(call).collect();
    client.post(&calls.join("\x1e")).await;
    let mut heard = Vec::new();
    while heard.len() < 100 {
        let polled = client.poll().await;
        let packets: Vec<_> = polled.text().split('\x1e').map(str::to_owned).collect();
        assert!(packets.len() <= 16, "{} packets", packets.len());
        heard.extend(packets);
    }
    assert_eq!(heard, (0..100).map(answer).collect::<Vec<_>>());
}

/// 2.x clients that take no bytes say so when they begin to poll; not all of them repeat it.
#[tokio::test]
async fn a_client_that_takes_no_bytes_says_so_once() {
    let server = server(Config::default()).await;
    let target = "/socket.io/?EIO=3&transport=polling";
    let opened = ask(&server.url, "GET", &format!("{target}&b64=1"), "", b"").await;
    let id = opened.text().split('"').nth(3).unwrap();
    let client = Polling {
        url: server.url.clone(),
        target: format!("{target}&sid={id}"),
        id: id.to_owned(),
    };
    let call = r#"451-["event",{"event":"echo.bytes","data":{"_placeholder":true,"num":0}}]"#;
    client.post(&format!("{}:{call}6:b4aGk=", call.len())).await;
    client.until("6:b4aGk=").await;
}

#[tokio::test]
async fn a_second_poll_ends_the_session_as_in_node() {
    let server = server(Config::default()).await;
    let client = Polling::connect(&server.url).await;
    // Whichever comes first.
    let mut polls = <[_; 2]>::from(tokio::join!(client.poll(), client.poll()));
    polls.sort_by_key(|poll| poll.status);
    let [first, second] = polls;
    assert_eq!((first.status, first.text()), (200, "1"));
    assert_eq!(second.status, 400);
    assert_eq!(client.poll().await.status, 400, "it is over");
}

#[tokio::test]
async fn a_client_that_closes_its_session_has_its_poll_ended() {
    let server = server(Config::default()).await;
    until_async("a poll that is there to be ended", async || {
        let client = Polling::connect(&server.url).await;
        let (polled, ()) = tokio::join!(client.poll(), async {
            sleep(SOON).await;
            client.post("1").await;
        });
        assert_eq!(client.poll().await.status, 400, "it is over");
        // Where the poll came behind the farewell, the next session shows it.
        let was_there = polled.status != 400;
        assert!(!was_there || (polled.status, polled.text()) == (200, "6"));
        was_there
    })
    .await;
}

#[tokio::test]
async fn a_session_is_over_with_what_is_no_packet() {
    let server = server(Config::default()).await;
    let client = Polling::connect(&server.url).await;
    let posted = ask(&client.url, "POST", &client.target, "", b"abc").await;
    assert_eq!(posted.status, 400);
    assert_eq!(client.poll().await.status, 400);
}

#[tokio::test]
async fn a_client_that_breaks_off_its_poll_has_given_up() {
    let server = server(Config::default()).await;
    until_async("a session to be over with its poll", async || {
        let client = Polling::connect(&server.url).await;
        let mut poll = begin(&client.url, "GET", &client.target, "", b"").await;
        sleep(SOON).await;
        poll.shutdown().await.unwrap();
        drop(poll);
        let is_over =
            async { while ask(&client.url, "POST", &client.target, "", b"3").await.status != 400 {} };
        // Before it would be over for want of a heartbeat.
        timeout(Duration::from_secs(10), is_over).await.is_ok()
    })
    .await;
}

/// A script of a page that polls by JSONP, as 2.x clients do.
#[tokio::test]
async fn existing_clients_poll_by_script() {
    let server = server(Config::default()).await;
    let opened = ask(
        &server.url,
        "GET",
        "/socket.io/?EIO=3&transport=polling&j=0",
        "",
        b"",
    )
    .await;
    let said = opened.text();
    assert!(
        said.starts_with("___eio[0](\"") && said.ends_with("\");"),
        "{said}"
    );
    assert!(opened.head.contains("text/javascript"), "{}", opened.head);
    let id = said
        .split("sid\\\":\\\"")
        .nth(1)
        .and_then(|rest| rest.split('\\').next());
    let target = format!("/socket.io/?EIO=3&transport=polling&j=1&sid={}", id.unwrap());
    let connected = ask(&server.url, "GET", &target, "", b"").await;
    assert_eq!(connected.text(), r#"___eio[1]("2:40");"#);
    let packet = call(7);
    let form = format!("d={}:{packet}", packet.len());
    let posted = ask(
        &server.url,
        "POST",
        &target,
        "content-type: application/x-www-form-urlencoded\r\n",
        form.as_bytes(),
    );
    assert_eq!(posted.await.text(), "ok");
    let answered = ask(&server.url, "GET", &target, "", b"").await;
    let packet = answer(7);
    let script = serde_json::to_string(&format!("{}:{packet}", packet.len())).unwrap();
    assert_eq!(answered.text(), format!("___eio[1]({script});"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_polls_comes_to_live_through_any_backlog() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new().unwrap());
    let app = App::new()
        .journal(journal)
        .topic(Topic::new("board").readable_by(everyone));
    let local = Local::of(app).await;
    let feed = local.server.feed().unwrap();
    for number in 0..1000 {
        let event = Event::new("note").data(&number);
        feed.topic("board").publish(event.unwrap()).await.unwrap();
    }
    let subscribers = (0..8).map(|_| async {
        let auth = json!({"topics": {"board": null}}).to_string();
        let client = Polling::connect_with(&local.url, &auth).await;
        client.until(r#""event":"topic.live""#).await
    });
    futures_util::future::join_all(subscribers).await;
}

#[tokio::test]
async fn what_a_client_has_said_back_to_it_and_does_not_read_is_bounded() {
    let server = server(Config::default()).await;
    let large = "x".repeat(1_000_000);
    let ping = format!("{}:2{large}", large.len() + 1);
    let stranger = format!("40/{large},");
    for (version, body) in [(3, ping), (4, stranger)] {
        let client = Polling::open(&server.url, version).await;
        let mut posts = 0;
        while ask(&client.url, "POST", &client.target, "", body.as_bytes())
            .await
            .status
            == 200
        {
            posts += 1;
            assert!(
                posts < 5,
                "protocol {version} holds {posts} MB for one that does not read"
            );
        }
    }
}

/// What a connect hook waits at.
struct Gate {
    came: Semaphore,
    goes: Semaphore,
}

async fn passes(gate: State<Arc<Gate>>) {
    gate.came.add_permits(1);
    gate.goes.acquire().await.unwrap().forget();
}

/// Its socket is there from before the hook, and nothing else would ever let go of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_while_its_connect_hook_runs_leaves_nothing() {
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let gate = Arc::new(Gate {
        came: Semaphore::new(0),
        goes: Semaphore::new(0),
    });
    let namespace = Namespace::new("/").connect(passes);
    let server = Local::start(App::new().state(gate.clone()).namespace(namespace), config).await;
    for _ in 0..20 {
        let client = Polling::open(&server.url, 4).await;
        client.post("40").await;
        within_patience("the hook to run", gate.came.acquire())
            .await
            .unwrap()
            .forget();
        client.post("1").await;
        gate.goes.add_permits(1);
    }
    until("all sockets to be gone", || {
        figure(&server, "updraft_sockets") == 0
    })
    .await;
}
