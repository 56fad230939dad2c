//! `updraft call --stream` and `--upload`, as typed at a prompt, with the demo's functions.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use updraft::testing::TestClient;

use super::{data, end, next};
use crate::support::{Http, Program, RawClient, until, updraft};

pub(super) fn server() -> Program {
    Program::start(&["--metrics"])
}

pub(super) fn call(server: &Program, arguments: &[&str], input: &str) -> (bool, String, String) {
    let patient = ["call", "--url", &server.url, "--timeout", "2m"];
    updraft(&[&patient, arguments].concat(), input)
}

fn open_streams(server: &Program) -> u64 {
    let text = Http::get(&server.url, "/metrics", &[]).body;
    let figure = text
        .lines()
        .find_map(|line| line.strip_prefix("updraft_streams "));
    figure.expect("it is counted").parse().expect("a number")
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A call that runs; killed when dropped.
struct Running {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
    stderr: ChildStderr,
}

impl Running {
    fn start(server: &Program, arguments: &[&str]) -> Self {
        Self::reading(server, arguments, Stdio::null())
    }

    fn reading(server: &Program, arguments: &[&str], stdin: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .args(["call", "--url", &server.url, "--timeout", "2m"])
            .args(arguments)
            .env_remove("UPDRAFT_TOKEN")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let stderr = child.stderr.take().expect("stderr is piped");
        Self {
            child,
            lines: Some(lines),
            stderr,
        }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        let lines = self.lines.as_mut().expect("stdout is open");
        lines.read_line(&mut line).expect("it prints");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}"))
    }

    fn close_stdout(&mut self) {
        self.lines = None;
    }

    fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for its end: whether it succeeded, and what it wrote to standard error.
    fn end(mut self) -> (bool, String) {
        // Read on, so that it does not wait for the pipe.
        let lines = self.lines.take();
        let reading = std::thread::spawn(move || lines.map(|mut lines| lines.read_to_end(&mut Vec::new())));
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).expect("UTF-8");
        let done = self.child.wait().expect("it ends").success();
        reading.join().expect("it is read");
        (done, said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn each_frame_is_a_line() {
    let server = server();
    let numbers: String = (0..1000).map(|number| format!("{number}\n")).collect();
    let count = ["api.stream.count", "--data", r#"{"to":1000}"#, "--stream"];
    assert_eq!(call(&server, &count, ""), (true, numbers, String::new()));
    let none = ["api.stream.count", "--data", r#"{"to":0}"#, "--stream"];
    assert_eq!(call(&server, &none, ""), (true, String::new(), String::new()));
    until("the streams to be gone", || open_streams(&server) == 0).await;
}

#[test]
fn why_a_stream_does_not_begin_is_said() {
    let server = server();
    let error = |arguments: &[&str], told: &str| {
        let (done, stdout, stderr) = call(&server, arguments, "");
        assert!(!done && stdout.is_empty(), "{stdout}");
        assert!(stderr.starts_with(&format!("error: {told}")), "{stderr}");
    };
    let tail = |topic: &str| json!({ "topic": topic }).to_string();
    error(
        &["api.stream.tail", "--data", &tail("secrets"), "--stream"],
        "forbidden: there is no such topic, or no right to it",
    );
    error(
        &[
            "api.stream.tail",
            "--data",
            r#"{"topic":"board","since":"x"}"#,
            "--stream",
        ],
        "invalid_data: data.since: a position is '<epoch>:<seq>'",
    );
    error(
        &[
            "api.stream.download",
            "--data",
            r#"{"bytes":10000000001}"#,
            "--stream",
        ],
        "invalid_data: data.bytes: at most 10000000000",
    );
    error(
        &["api.stream.count", "--data", r#"{"to":1}"#],
        "invalid_data: call.stream: ",
    );
    error(
        &["api.stream.upload", "--upload", "/nowhere"],
        "cannot read /nowhere: No such file",
    );
    error(
        &["api.stream.upload", "--upload", "/"],
        "cannot read /: Is a directory",
    );
    error(
        &["api.stream.upload", "--upload", "-", "--data", "-"],
        "only one of --data and --upload can read standard input",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_followed_while_others_publish_from_any_position() {
    let server = server();
    let mut ada = TestClient::connect(&server.url, ()).await;
    let mut positions = Vec::new();
    for id in ["1", "2"] {
        let card = json!({"id": id, "title": "Fly", "column": "todo"});
        positions.push(ada.call("api.board.add").data(card).await.data::<String>());
    }
    let mut whole = Running::start(
        &server,
        &["api.stream.tail", "--data", r#"{"topic":"board"}"#, "--stream"],
    );
    let start = whole.line();
    assert_eq!(
        (&start["event"], &start["reset"]),
        (&json!("topic.start"), &json!(true))
    );
    let first = whole.line();
    assert_eq!(
        (&first["event"], &first["data"]["id"]),
        (&json!("card.added"), &json!("1"))
    );
    let epoch = start["epoch"].as_str().unwrap();
    assert_eq!(format!("{epoch}:{}", first["seq"]), positions[0]);
    assert_eq!(whole.line()["data"]["id"], "2");
    assert_eq!(whole.line()["event"], "topic.live");

    let since = json!({"topic": "board", "since": positions[0]}).to_string();
    let mut rest = Running::start(&server, &["api.stream.tail", "--data", &since, "--stream"]);
    assert_eq!(rest.line()["reset"], false);
    assert_eq!(rest.line()["data"]["id"], "2");
    assert_eq!(rest.line()["event"], "topic.live");

    for title in ["Higher", "Faster"] {
        let edit = json!({"id": "1", "title": title});
        let position = ada.call("api.board.edit").data(edit).await.data::<String>();
        for tail in [&mut whole, &mut rest] {
            let edited = tail.line();
            assert_eq!(
                (&edited["event"], &edited["data"]["title"]),
                (&json!("card.edited"), &json!(title))
            );
            assert_eq!(format!("{epoch}:{}", edited["seq"]), position);
        }
    }
    drop((whole, rest));
    until("the streams to be gone", || open_streams(&server) == 0).await;
}

#[test]
fn an_upload_is_answered_with_its_digest() {
    let server = server();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("film.bin");
    for size in [0, 1, 64 << 10, 5_000_001] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| (n.wrapping_mul(n) >> 7) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let upload = ["api.stream.upload", "--upload", path.to_str().unwrap()];
        let answer = json!({"size": size, "sha256": sha256(&bytes)});
        let (done, stdout, stderr) = call(&server, &upload, "");
        assert_eq!((done, &*stderr), (true, ""));
        assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap(), answer);
    }
    let text = "größe\n".repeat(100_000);
    let (done, stdout, _) = call(&server, &["api.stream.upload", "--upload", "-"], &text);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((done, &answer["sha256"]), (true, &json!(sha256(text.as_bytes()))));
    assert_eq!(open_streams(&server), 0);
}

#[test]
fn a_download_goes_to_a_file_or_is_printed() {
    let server = server();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("film.bin");
    let asked = r#"{"bytes":5000001}"#;
    let download = [
        "api.stream.download",
        "--data",
        asked,
        "--stream",
        "--output",
        path.to_str().unwrap(),
    ];
    let (done, stdout, stderr) = call(&server, &download, "");
    assert_eq!((done, &*stderr), (true, ""));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 5_000_001);
    let last = json!({"sha256": sha256(&bytes)});
    assert_eq!(stdout, format!("{last}\n"));

    let small = ["api.stream.download", "--data", r#"{"bytes":3}"#, "--stream"];
    let (done, stdout, _) = call(&server, &small, "");
    assert!(done);
    assert!(stdout.starts_with(r#"{"base64":"#), "{stdout}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_cancels_the_stream_at_the_server() {
    let server = server();
    let forever = r#"{"to":1000000000,"every_ms":1}"#;
    let mut counting = Running::start(&server, &["api.stream.count", "--data", forever, "--stream"]);
    for number in 0..100 {
        assert_eq!(counting.line(), number);
    }
    assert_eq!(open_streams(&server), 1);
    counting.interrupt();
    assert_eq!(
        counting.end(),
        (false, "error: interrupted: the stream was cancelled\n".to_owned())
    );
    until("the stream to be gone", || open_streams(&server) == 0).await;

    // An upload whose input does not end.
    let upload = Running::reading(&server, &["api.stream.upload", "--upload", "-"], Stdio::piped());
    until("the upload to be open", || open_streams(&server) == 1).await;
    upload.interrupt();
    let (done, stderr) = upload.end();
    assert!(
        !done && stderr.contains("interrupted: the stream was cancelled"),
        "{stderr}"
    );
    until("the upload to be gone", || open_streams(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_that_is_read_no_more_ends_the_stream_and_is_no_failure() {
    let server = server();
    let forever = r#"{"to":1000000000,"every_ms":1}"#;
    let mut counting = Running::start(&server, &["api.stream.count", "--data", forever, "--stream"]);
    assert_eq!(counting.line(), 0);
    // As `| head` does.
    counting.close_stdout();
    assert_eq!(counting.end(), (true, String::new()));
    until("the stream to be gone", || open_streams(&server) == 0).await;
}

#[test]
fn a_server_that_is_killed_in_the_middle_is_a_failure() {
    let mut server = server();
    let forever = r#"{"to":1000000000,"every_ms":1}"#;
    let mut counting = Running::start(&server, &["api.stream.count", "--data", forever, "--stream"]);
    assert_eq!(counting.line(), 0);
    server.end();
    let (done, stderr) = counting.end();
    assert_eq!(
        (done, &*stderr),
        (false, "error: the server closed the connection\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_goes_on_where_a_client_was() {
    let server = server();
    let mut client = RawClient::connect(&server.url).await;
    let call = json!({"event": "api.stream.count", "data": {"to": 7}, "stream": "s1", "after": 5});
    client.call(&call).await;
    for n in 5..7 {
        assert_eq!(next(&mut client).await, data("s1", n, &json!(n)));
    }
    assert_eq!(next(&mut client).await, end("s1", 7));
}

#[test]
fn what_is_refused_leaves_the_output_as_it_is() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept");
    fs::write(&file, "kept").unwrap();
    let path = file.to_str().unwrap();
    let refused = r#"{"bytes":100000000000}"#;
    let (done, _, _) = call(
        &server,
        &[
            "api.stream.download",
            "--data",
            refused,
            "--stream",
            "--output",
            path,
        ],
        "",
    );
    assert!(!done);
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    let nothing = r#"{"bytes":0}"#;
    let (done, _, said) = call(
        &server,
        &[
            "api.stream.download",
            "--data",
            nothing,
            "--stream",
            "--output",
            path,
        ],
        "",
    );
    assert!(done, "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}
