//! A server under a service manager: the story plays what systemd does. It holds the socket, so that nobody is refused while the
//! server is started again, and is told how the server is.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    support::{Http, PATIENCE, Program, RawClient, until},
    tls::Pair,
};

/// What a server tells its manager next, by lines.
fn told(socket: &UnixDatagram) -> Vec<String> {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut message = [0; 1024];
    let length = socket.recv(&mut message).unwrap();
    let message = String::from_utf8(message[..length].to_vec()).unwrap();
    message.lines().map(str::to_owned).collect()
}

#[test]
fn the_manager_is_told_when_the_server_is_ready_reads_files_again_and_stops() {
    let (directory, pair) = (tempfile::tempdir().unwrap(), Pair::new());
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = Program::start_on(
        Stdio::piped(),
        &variables,
        &["--tls-cert", &pair.cert, "--tls-key", &pair.key],
    );
    let ready = ["READY=1".to_owned(), format!("STATUS=listens on {}", server.url)];
    assert_eq!(told(&socket), ready);

    server.signal("HUP");
    let reloading = told(&socket);
    assert_eq!(reloading[0], "RELOADING=1");
    let since = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    assert!(since.parse::<u64>().is_ok(), "{reloading:?}");
    assert_eq!(told(&socket), ready);

    server.signal("TERM");
    assert_eq!(told(&socket)[0], "STOPPING=1");
    let (done, said) = server.wait();
    assert!(done && !said.contains("NOTIFY_SOCKET"), "{said}");
}

#[test]
fn the_manager_is_told_that_settings_were_not_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let (path, file) = (
        directory.path().join("notify"),
        directory.path().join("updraft.toml"),
    );
    let socket = UnixDatagram::bind(&path).unwrap();
    fs::write(&file, "").unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = Program::start_on(Stdio::piped(), &variables, &["--config", file.to_str().unwrap()]);
    told(&socket);
    fs::write(&file, "[limits]\nmax-rooms = 0x\n").unwrap();
    server.signal("HUP");
    assert_eq!(told(&socket)[0], "RELOADING=1");
    let not_read = told(&socket);
    assert_eq!(not_read[0], "READY=1");
    assert!(not_read[1].contains("could not be read again"), "{not_read:?}");
    fs::write(&file, "").unwrap();
    server.signal("HUP");
    assert_eq!(told(&socket)[0], "RELOADING=1");
    assert_eq!(told(&socket)[1], format!("STATUS=listens on {}", server.url));
}

#[test]
fn a_manager_that_does_not_read_stops_no_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let _unread = UnixDatagram::bind(&path).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let mut server = Program::start_on(Stdio::piped(), &variables, &[]);
    let mut log = BufReader::new(server.stderr()).lines();
    let mut is_unread = false;
    while !is_unread {
        server.signal("HUP");
        let line = log.next().unwrap().unwrap();
        is_unread = line.contains("does not read how the server is");
    }
    assert_eq!(Http::get(&server.url, "/health/ready", &[]).status, 200);
    server.signal("TERM");
    assert!(server.wait().0);
}

#[test]
fn a_manager_that_is_gone_stops_no_server() {
    let variables = [("NOTIFY_SOCKET", "/nowhere/notify")];
    let server = Program::start_on(Stdio::piped(), &variables, &[]);
    assert_eq!(Http::get(&server.url, "/health/ready", &[]).status, 200);
    server.signal("TERM");
    let (done, said) = server.wait();
    assert!(done && said.contains("NOTIFY_SOCKET"), "{said}");
}

/// Visitors that come one after the other, until they are told to end: how many came, and were answered.
fn visitors(address: String, is_over: Arc<AtomicBool>) -> JoinHandle<(usize, usize)> {
    let visit = move || {
        let mut stream = TcpStream::connect(&address).expect("nobody is refused");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let asked = stream
            .write_all(request)
            .and_then(|()| stream.read_to_end(&mut answer));
        match asked {
            // One that was accepted as the server ended is closed.
            Err(error)
                if error.kind() != ErrorKind::ConnectionReset && error.kind() != ErrorKind::BrokenPipe =>
            {
                panic!("waited in vain: {error}")
            }
            _ => usize::from(answer.starts_with(b"HTTP/1.1 200")),
        }
    };
    std::thread::spawn(move || {
        let (mut came, mut answered) = (0, 0);
        while !is_over.load(Ordering::Relaxed) {
            came += 1;
            answered += visit();
            std::thread::sleep(Duration::from_millis(1));
        }
        (came, answered)
    })
}

/// A stock client that goes on, until its standard input ends.
fn client(url: &str, transport: &str) -> std::process::Child {
    Command::new("node")
        .args(["activated.mjs", url, "4", transport])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node.js is installed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_server_is_started_again_on_the_managers_socket_no_client_is_refused() {
    const RESTARTS: usize = 4;
    let data = tempfile::tempdir().unwrap();
    let flags = [
        "--data",
        data.path().to_str().unwrap(),
        "--port",
        "1",
        "--metrics",
    ];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());

    let is_over = Arc::<AtomicBool>::default();
    let visitors = visitors(listener.local_addr().unwrap().to_string(), is_over.clone());
    let clients = ["websocket", "polling"].map(|transport| client(&url, transport));
    for _ in 0..RESTARTS {
        let server = Program::start_on_socket(&listener, &flags);
        assert_eq!(server.url, url, "and not on its own port");
        // All are there, and a new one comes in too.
        until("the clients to come", || sockets(&url) >= clients.len()).await;
        assert!(RawClient::connect(&url).await.is_well().await);
        server.signal("TERM");
        let (done, said) = server.wait();
        assert!(done, "{said}");
    }
    let _last = Program::start_on_socket(&listener, &flags);
    for mut client in clients {
        drop(client.stdin.take());
        let output = client.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let connections: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert!(connections > RESTARTS, "{connections}");
    }
    is_over.store(true, Ordering::Relaxed);
    let (came, answered) = visitors.join().unwrap();
    assert!(came > 0 && came - answered <= RESTARTS, "{answered} of {came}");
}

/// How many sockets a server has.
fn sockets(url: &str) -> usize {
    let metrics = Http::get(url, "/metrics", &[]).body;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("updraft_sockets "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn what_is_no_single_tcp_socket_is_refused_at_start() {
    let started = |shell: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; export LISTEN_PID=$$; exec \"$0\" serve")]);
        let output = command.arg(env!("CARGO_BIN_EXE_updraft")).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (done, said) = started("exec 3</dev/null; export LISTEN_FDS=1");
    assert!(
        !done && said.starts_with("error: LISTEN_FDS passes no TCP socket: "),
        "{said}"
    );
    let (done, said) = started("exec 3</dev/null 4</dev/null; export LISTEN_FDS=2");
    assert!(
        !done && said.starts_with("error: LISTEN_FDS passes 2 sockets"),
        "{said}"
    );
}
