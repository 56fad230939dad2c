//! A whole server, to whom one client sends any frames: text, binary, control, broken ones, bare bytes. Whatever that
//! was, another client is answered afterwards.

#![no_main]

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use updraft::{
    App, Config, Context, Data, Envelope, Event, JournalConfig, LimitsConfig, Module, SessionConfig, Topic,
    everyone,
    journal::{MemoryJournal, Retention},
};

/// Stands between two frames. UTF-8 has no such byte.
const BORDER: u8 = 0xff;

/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(8);

const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: localhost\r\n\
    connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

fuzz_target!(|input: &[u8]| {
    let mut stream = connect();
    // As far as the server reads: it may close the connection before all is there.
    for step in input.split(|byte| *byte == BORDER) {
        if stream.write_all(&frame(step)).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut sink = [0; 4096];
    loop {
        match read(&mut stream, &mut sink) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!is_late, "the server lets go of who has left");
                break;
            }
        }
    }
    is_well();
});

/// What a step of the input stands for.
fn frame(step: &[u8]) -> Vec<u8> {
    let (kind, rest) = step.split_first().unwrap_or((&0, &[]));
    match kind % 8 {
        0 => masked(TEXT, &[b"421[\"event\",", rest, b"]"].concat()),
        1 => masked(TEXT, rest),
        2 => masked(BINARY, rest),
        3 => masked(TEXT, &[b"451-1[\"event\",", rest, b"]"].concat()),
        4 => masked(TEXT, &[b"40", rest].concat()),
        // Any operation, also one that is not the last of its message.
        5 => masked(
            rest.first().copied().unwrap_or(0x88),
            rest.get(1..).unwrap_or_default(),
        ),
        6 => masked(TEXT, &[b"42[\"event\",{\"event\":", rest, b"}]"].concat()),
        _ => rest.to_vec(),
    }
}

/// A client's frame. Its mask changes nothing.
fn masked(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let payload = &payload[..usize::from(length)];
    let mut frame = vec![head];
    match length {
        0..126 => frame.push(0x80 | length as u8),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A client that is connected: the engine and the namespace have greeted it.
fn connect() -> TcpStream {
    let mut stream = TcpStream::connect(*SERVER).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream.write_all(UPGRADE).expect("the server reads");
    stream.write_all(&masked(TEXT, b"40")).expect("the server reads");
    until(&mut stream, b"40{\"sid\"");
    stream
}

/// A client that means well is answered.
fn is_well() {
    static OTHER: LazyLock<Mutex<TcpStream>> = LazyLock::new(|| Mutex::new(connect()));
    let mut stream = OTHER.lock().unwrap_or_else(PoisonError::into_inner);
    let call = masked(TEXT, b"427[\"event\",{\"event\":\"api.status\"}]");
    stream.write_all(&call).expect("the server reads");
    until(
        &mut stream,
        b"437[{\"event\":\"api.status\",\"data\":\"online\"}]",
    );
}

/// Reads, also where the fuzzer's clock interrupts whoever waits.
fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn until(stream: &mut TcpStream, wanted: &[u8]) {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while !heard.windows(wanted.len()).any(|window| window == wanted) {
        let read = read(stream, &mut buffer).expect("the server says something");
        assert!(
            read > 0,
            "the server closed it: {}",
            String::from_utf8_lossy(&heard)
        );
        heard.extend(&buffer[..read]);
    }
}

/// A server for as long as the process lives.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (said, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let server = app().start().await.expect("it starts");
            said.send(server.address()).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    told.recv().expect("an address")
});

fn app() -> App {
    let module = Module::new("api")
        .on("status", async || "online")
        .on("echo", async |data: Option<Data>| data)
        .on("whole", async |call: Envelope<Value>| updraft::Json(call.0))
        .on("enter", async |room: String, cx: Context| cx.join(&room))
        .on("say", async |text: String, cx: Context| {
            let event = Event::new("said").key(text.as_str()).data(&text)?;
            cx.topic("board").publish(event).await.map(updraft::Json)
        });
    let config = Config {
        port: 0,
        session: SessionConfig {
            // Whoever means well is silent between two inputs, and answers no ping.
            ping_interval: Duration::from_secs(24 * 3600),
            ping_timeout: Duration::from_secs(24 * 3600),
            ..SessionConfig::default()
        },
        limits: LimitsConfig {
            read_pause: Duration::from_secs(1),
            ..LimitsConfig::default()
        },
        journal: JournalConfig {
            remember_calls: Duration::from_secs(1),
            ..JournalConfig::default()
        },
        ..Config::default()
    };
    // So that hours of it fit in memory.
    let keep = Retention {
        least: Duration::ZERO,
        tombstones: Duration::ZERO,
        age: Some(Duration::from_secs(1)),
        events: Some(100),
        bytes: None,
    };
    App::new()
        .journal(Arc::new(MemoryJournal::new().expect("a journal")))
        .topic(Topic::new("board").keep(keep).readable_by(everyone))
        .module(module)
        .config(config)
}
