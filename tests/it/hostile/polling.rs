//! What a polling client may post: each is answered by a status, or ends its own session, and others are served.

use serde_json::Value;

use super::{MARKER, STATUS, Victim, is_served, keeps_it_to_itself, wire::Wire};
use crate::support::{Http, Response};

/// A polling session, connected to the root namespace.
struct Session {
    url: String,
    path: String,
}

impl Session {
    fn open(server: &Victim, version: u8) -> Self {
        let path = format!("/socket.io/?EIO={version}&transport=polling");
        let opened = Http::get(&server.url, &path, &[]).body;
        let json = &opened[opened.find('{').unwrap()..=opened.find('}').unwrap()];
        let opened: Value = serde_json::from_str(json).unwrap();
        let this = Self {
            url: server.url.clone(),
            path: format!("{path}&sid={}", opened["sid"].as_str().unwrap()),
        };
        if version == 4 {
            assert_eq!(this.post(b"40", "").status, 200);
        }
        // A session of version 3 is connected without being asked for it; what comes before that ends it.
        assert!(this.hears("40"));
        this
    }

    fn post(&self, body: &[u8], headers: &str) -> Response {
        let mut connection = Http::open(&self.url);
        let length = body.len();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n",
            self.path
        );
        connection.write_bytes(&[head.as_bytes(), body].concat());
        connection.response()
    }

    fn poll(&self) -> Response {
        Http::get(&self.url, &self.path, &[])
    }
}

/// Whether a session goes on after it was posted something.
#[derive(PartialEq)]
enum After {
    GoesOn,
    IsOver,
}

use After::{GoesOn, IsOver};

async fn try_all(version: u8, cases: &[(&'static str, Vec<u8>, u16, After)]) {
    let server = Victim::start(&[]);
    let mut wrong = Vec::new();
    for (about, body, status, after) in cases {
        let session = Session::open(&server, version);
        let response = session.post(body, "");
        if response.status != *status || response.body.contains(MARKER) {
            wrong.push(format!(
                "{about}: {} {}, not {status}",
                response.status, response.body
            ));
        }
        let call = format!(r#"4277["event",{STATUS}]"#);
        let call = match version {
            3 => format!("{}:{call}", call.len()),
            _ => call,
        };
        let next = session.post(call.as_bytes(), "").status;
        let goes_on =
            next == 200 && session.hears(r#"4377[{"event":"api.services.status","data":"online"}]"#);
        if goes_on != (*after == GoesOn) {
            wrong.push(format!("{about}: then {next}, and goes on: {goes_on}"));
        }
        is_served(&server, about).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    keeps_it_to_itself(server);
}

impl Session {
    /// Polls until it hears this, or the session is over.
    fn hears(&self, wanted: &str) -> bool {
        loop {
            let response = self.poll();
            if response.status != 200 {
                return false;
            }
            if response.body.contains(wanted) {
                return true;
            }
        }
    }
}

#[tokio::test]
async fn what_is_posted_and_is_no_payload() {
    let text = |text: &str| text.as_bytes().to_vec();
    let cases = [
        ("nothing", text(""), 200, GoesOn),
        ("separators alone", text(&"\x1e".repeat(1000)), 400, IsOver),
        ("an unknown packet", text(&format!("9{MARKER}")), 400, IsOver),
        ("a letter", text("ü"), 400, IsOver),
        ("what is not UTF-8", b"42[\"\xff\xfe\"]".to_vec(), 400, IsOver),
        ("a NUL", text("\0"), 400, IsOver),
        ("broken base64", text(&format!("b*{MARKER}*")), 400, IsOver),
        ("a Buffer out of the blue", text("baGk="), 400, IsOver),
        ("an open of the client's", text(r#"0{"sid":"x"}"#), 400, IsOver),
        ("an upgrade that nobody began", text("5"), 400, IsOver),
        ("a farewell", text("1"), 200, IsOver),
        (
            "a farewell, and more",
            text(&format!("1\x1e421[\"event\",{STATUS}]")),
            200,
            IsOver,
        ),
        ("a pong that nobody asked for", text("3"), 200, GoesOn),
        ("10,000 pongs", text(&vec!["3"; 10_000].join("\x1e")), 200, GoesOn),
        (
            "a broken packet behind a whole one",
            text(&format!("42[\"unknown\"]\x1e4x{MARKER}")),
            400,
            IsOver,
        ),
        ("an event of no name", text("42[]"), 400, IsOver),
        ("an event that is cut off", text(r#"421["event",{"#), 200, GoesOn),
        (
            "1,000 brackets",
            text(&format!(r#"421["event",{}"#, "[".repeat(1000))),
            200,
            GoesOn,
        ),
        (
            "Buffers that do not follow",
            text(r#"451-1["event",{"_placeholder":true,"num":0}]"#),
            200,
            IsOver,
        ),
        ("a second CONNECT", text("40"), 200, GoesOn),
        ("another namespace", text(&format!("40/{MARKER},")), 200, GoesOn),
        (
            "an ack that no emit waits for",
            text(&format!("43999[\"{MARKER}\"]")),
            200,
            GoesOn,
        ),
        (
            "an event without a function",
            text(&format!("42[\"x\",\"{MARKER}\"]")),
            200,
            GoesOn,
        ),
        ("4 MB and more", vec![b'4'; (4 << 20) + 1], 413, IsOver),
    ];
    try_all(4, &cases).await;
}

#[tokio::test]
async fn what_is_posted_to_a_session_of_version_3_and_is_no_payload() {
    let text = |text: &str| text.as_bytes().to_vec();
    let cases = [
        ("nothing", text(""), 200, GoesOn),
        ("no length", text("42[\"unknown\"]"), 400, IsOver),
        ("a length of letters", text(&format!("{MARKER}:42")), 400, IsOver),
        ("a negative length", text("-1:42"), 400, IsOver),
        ("a length of nothing", text("0:"), 400, IsOver),
        (
            "a length beyond all",
            text("99999999999999999999999:42"),
            400,
            IsOver,
        ),
        (
            "a length beyond what there is",
            text("1000:42[\"unknown\"]"),
            400,
            IsOver,
        ),
        (
            "a length below what there is",
            text("2:42[\"unknown\"]"),
            400,
            IsOver,
        ),
        ("a length that splits a letter", text("3:4😀"), 400, IsOver),
        ("a colon", text(":"), 400, IsOver),
        (
            "a binary payload as text",
            b"\x00\x02\xff42".to_vec(),
            400,
            IsOver,
        ),
        ("a ping of the client's", text("1:2"), 200, GoesOn),
        (
            "an event without a function",
            text(&format!("{}:42[\"x\",\"{MARKER}\"]", MARKER.len() + 10)),
            200,
            GoesOn,
        ),
    ];
    try_all(3, &cases).await;
}

#[tokio::test]
async fn sessions_are_not_shared_or_stolen() {
    let server = Victim::start(&[]);
    let session = Session::open(&server, 4);
    // As the other transport, another version, by another method.
    let target = session.path.replace("polling", "websocket");
    let mut wire = Wire::open(&server).await;
    wire.write(format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .await;
    assert!(wire.rest().await.starts_with("HTTP/1.1 400"));
    let guessed = format!("{}A", &session.path[..session.path.len() - 1]);
    if guessed != session.path {
        assert_eq!(Http::get(&server.url, &guessed, &[]).status, 400);
    }
    assert_eq!(
        session
            .post(format!(r#"4277["event",{STATUS}]"#).as_bytes(), "")
            .status,
        200
    );
    assert!(session.hears("4377["), "its own client is served");
    is_served(&server, "a stranger").await;
    keeps_it_to_itself(server);
}
