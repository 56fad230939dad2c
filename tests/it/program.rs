//! The program, as it is typed at a prompt: `events` and `call`.

use serde_json::{Value, json};

use crate::support::{Http, Program, updraft, updraft_with};

const EVENTS: [&str; 25] = [
    "api.board.add",
    "api.board.edit",
    "api.board.move",
    "api.board.remove",
    "api.hello.greeting",
    "api.presence.enter",
    "api.room.join",
    "api.room.leave",
    "api.room.say",
    "api.services.events",
    "api.services.functions",
    "api.services.status",
    "api.services.test.testFunc",
    "api.stream.count",
    "api.stream.download",
    "api.stream.tail",
    "api.stream.upload",
    "api.test.board",
    "stream.cancel",
    "stream.credit",
    "stream.data",
    "stream.end",
    "stream.error",
    "topic.subscribe",
    "topic.unsubscribe",
];

/// Calls an event of a server.
fn call(server: &Program, arguments: &[&str], input: &str) -> (bool, String, String) {
    let patient = ["call", "--url", &server.url, "--timeout", "2m"];
    updraft(&[&patient, arguments].concat(), input)
}

fn succeeded(stdout: &str) -> (bool, String, String) {
    (true, stdout.to_owned(), String::new())
}

fn failed(stderr: &str) -> (bool, String, String) {
    (false, String::new(), stderr.to_owned())
}

/// Those of them that stream their answer, and those that take frames.
const STREAMED: [&str; 3] = ["api.stream.count", "api.stream.download", "api.stream.tail"];
const UPLOADED: [&str; 1] = ["api.stream.upload"];

#[test]
fn events_are_listed_by_name_with_what_they_stream() {
    let listed = EVENTS.map(|event| match event {
        event if STREAMED.contains(&event) => format!("{event} (streams)\n"),
        event if UPLOADED.contains(&event) => format!("{event} (takes frames)\n"),
        event => format!("{event}\n"),
    });
    assert_eq!(updraft(&["events"], ""), succeeded(&listed.concat()));
    let (done, stdout, _) = updraft(&["events", "--json"], "");
    assert!(done);
    let entries = EVENTS.map(|event| {
        let (streams, takes_frames) = (STREAMED.contains(&event), UPLOADED.contains(&event));
        json!({"event": event, "streams": streams, "takes_frames": takes_frames})
    });
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap(), json!(entries));
}

#[test]
fn a_server_says_the_same_of_its_functions_as_the_list() {
    let (_, listed, _) = updraft(&["events", "--json"], "");
    let asked = call(&Program::start(&[]), &["api.services.functions"], "");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (asked.0, serde_json::from_str(&asked.1).ok()),
        (true, Some(listed))
    );
}

/// The events of a server that runs, as it lists them itself.
fn of_a_server(flags: &[&str]) -> Vec<String> {
    let (done, stdout, stderr) = call(&Program::start(flags), &["api.services.events"], "");
    assert!(done, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn what_is_listed_is_what_a_server_with_the_same_configuration_has() {
    let keys = concat!(
        "a=",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/auth/keys/ec256.pub.pem"
    );
    for flags in [
        &[][..],
        &[
            "--auth-secrets",
            "a secret of the tests, and long",
            "--auth-optional",
        ],
        &["--auth-keys", keys, "--auth-optional"],
    ] {
        let (done, stdout, stderr) = updraft(&[&["events", "--json"], flags].concat(), "");
        assert!(done, "{stderr}");
        let entries: Vec<Value> = serde_json::from_str(&stdout).unwrap();
        let names = entries.iter().filter_map(|entry| entry["event"].as_str());
        let listed: Vec<String> = names.map(str::to_owned).collect();
        assert_eq!(listed, of_a_server(flags), "{flags:?}");
        let asked = listed.iter().any(|event| event == "auth.refresh");
        assert_eq!(asked, !flags.is_empty(), "{flags:?}");
    }
    let secret = [("UPDRAFT_AUTH_SECRETS", "a secret of the tests, and long")];
    let (_, stdout, _) = updraft_with(&secret, &["events"], "");
    assert!(stdout.contains("auth.refresh\n"), "{stdout}");
}

#[test]
fn an_event_is_called_and_its_answer_printed() {
    let server = Program::start(&[]);
    assert_eq!(
        call(&server, &["api.services.status"], ""),
        succeeded("\"online\"\n")
    );
    let echo = "api.services.test.testFunc";
    let data = r#"{"b":[1,"größe",null],"a":1.5}"#;
    let printed = format!("{data}\n");
    assert_eq!(call(&server, &[echo, "--data", data], ""), succeeded(&printed));
    assert_eq!(call(&server, &[echo, "--data", "-"], data), succeeded(&printed));
    assert_eq!(
        call(&server, &[echo, "--data", data, "--id", "7"], ""),
        succeeded(&printed)
    );
    let half = ["--data", r#"{"a":"x\ud83d"}"#];
    assert_eq!(
        call(&server, &[&[echo], &half[..]].concat(), ""),
        succeeded("{\"a\":\"x\u{fffd}\"}\n")
    );
    assert_eq!(call(&server, &[echo], ""), succeeded(""));
    let join = ["api.room.join", "--data", r#"{"room":"a"}"#];
    assert_eq!(call(&server, &join, ""), succeeded(""));
}

#[test]
fn without_an_ack_the_answer_is_the_message() {
    let server = Program::start(&[]);
    let status = ["api.services.status", "--no-ack"];
    assert_eq!(call(&server, &status, ""), succeeded("\"online\"\n"));
    let last_wins = ["api.services.status", "--no-ack", "--ack"];
    assert_eq!(call(&server, &last_wins, ""), succeeded("\"online\"\n"));
    let unknown = ["api.nope", "--no-ack"];
    assert_eq!(
        call(&server, &unknown, ""),
        succeeded("\"Nope doesn't exist\"\n"),
        "as a client without acks hears it"
    );
    // A function without a result answers nothing, which is no failure. To connect takes of the same time.
    let room = ["--data", r#"{"room":"a"}"#, "--no-ack", "--timeout", "5s"];
    let join = ["call", "api.room.join", "--url", &server.url];
    assert_eq!(updraft(&[&join, &room[..]].concat(), ""), succeeded(""));
}

#[test]
fn an_answer_that_does_not_come_is_waited_for_as_long_as_was_said() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for flags in [&[][..], &["--no-ack"]] {
        let arguments = ["call", "api.services.status", "--url", &url, "--timeout", "100ms"];
        assert_eq!(
            updraft(&[&arguments, flags].concat(), ""),
            failed("error: no answer within 100ms\n")
        );
    }
}

#[test]
fn what_a_function_emits_meanwhile_is_shown_beside_the_answer() {
    let server = Program::start(&[]);
    let greeting = call(
        &server,
        &["api.hello.greeting", "--data", r#"{"name":"Ada"}"#],
        "",
    );
    assert_eq!(
        greeting,
        (
            true,
            String::new(),
            "message: \"You're welcome Ada\"\n".to_owned()
        )
    );
}

#[test]
fn a_call_that_fails_says_why_and_exits_so() {
    let server = Program::start(&[]);
    assert_eq!(
        call(&server, &["api.nope"], ""),
        failed("error: unknown_event: Nope doesn't exist\n")
    );
    let told = "error: invalid_data: data.room: invalid type: integer `5`, expected a string \
                {\"path\":\"data.room\",\"expected\":\"a string\"}\n";
    assert_eq!(
        call(&server, &["api.room.join", "--data", r#"{"room":5}"#], ""),
        failed(told)
    );
}

#[test]
fn data_that_is_no_json_is_not_sent() {
    for (arguments, input) in [(["--data", "text"], ""), (["--data", "-"], "text")] {
        let (done, stdout, stderr) = updraft(
            &[["call", "api.x"].as_slice(), arguments.as_slice()].concat(),
            input,
        );
        assert!(!done && stdout.is_empty());
        assert!(stderr.starts_with("error: --data is no JSON ("), "{stderr}");
        assert!(stderr.contains(r#"--data '"text"'"#), "{stderr}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut server = Program::start(&[]);
    let url = server.url.clone();
    server.end();
    let (done, _, stderr) = updraft(&["call", "api.services.status", "--url", &url], "");
    assert!(!done);
    assert!(
        stderr.starts_with(&format!("error: cannot reach a server at {url}: ")),
        "{stderr}"
    );
    let (done, _, stderr) = updraft(&["call", "api.services.status", "--url", "localhost:3000"], "");
    assert!(!done);
    assert_eq!(
        stderr,
        "error: 'localhost:3000' is no address of a server: write it with http:// or https://\n"
    );
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let server = Program::start(&[]);
    let address = server.url.strip_prefix("http://").unwrap();
    let port = address.rsplit(':').next().unwrap();
    let (done, stdout, stderr) = updraft(&["serve", "--port", port], "");
    assert!(!done && stdout.is_empty(), "{stdout}");
    assert!(
        stderr.starts_with(&format!("error: cannot listen on {address}: ")),
        "{stderr}"
    );
    assert_eq!(
        Http::get(&server.url, "/health/live", &[]).status,
        200,
        "the first serves on"
    );
}

#[test]
fn a_mistyped_setting_is_explained() {
    for (flags, told) in [
        (["--allowed-origins", "example.org"], "'example.org' is no origin"),
        (
            ["--allowed-origins", "https://a.example,https://b.*.example"],
            "'https://b.*.example' is no origin: a * stands for the first label of a host",
        ),
        (["--client-bundle", "/nowhere"], "no socket.io.js in /nowhere"),
        (
            ["--trusted-proxies", "10.0.0.0/33"],
            "write it as 10.0.0.7 or 10.0.0.0/8",
        ),
        (
            ["--max-running", "0"],
            "invalid value '0' for '--max-running <CALLS>'",
        ),
        (
            ["--call-timeout", "soon"],
            "invalid value 'soon' for '--call-timeout <TIME>': write it as 10s, 1500ms or 2h",
        ),
        (
            ["--tls-hsts", "25"],
            "'--tls-hsts <TIME>': write it as 10s, 1500ms or 2h",
        ),
        (["--max-connections", "0"], "write a whole number from 1 on"),
        (["--max-call", "1MB"], "write a whole number from 1 on"),
    ] {
        let (done, _, stderr) = updraft(&[["serve", "--port", "0"].as_slice(), &flags].concat(), "");
        assert!(!done);
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[test]
fn settings_that_would_do_nothing_are_errors_at_start() {
    let port = [("PORT", "abc")];
    let (done, _, stderr) = updraft_with(&port, &["serve"], "");
    assert!(
        !done && stderr.contains("invalid value 'abc' for '--port <PORT>'"),
        "{stderr}"
    );
    let alone = |flags: &[&str], error: &str| {
        let flags = [&["serve", "--port", "0"], flags].concat();
        let error = format!("error: {error}\n");
        assert_eq!(updraft(&flags, ""), failed(&error), "{flags:?}");
    };
    let keys = "does nothing without --auth-secrets, --auth-keys or --auth-keys-url";
    alone(&["--auth-audience", "a"], &format!("--auth-audience {keys}"));
    alone(&["--auth-optional"], &format!("--auth-optional {keys}"));
    alone(
        &["--tls-hsts", "0s"],
        "--tls-hsts does nothing without --tls-cert",
    );
}
