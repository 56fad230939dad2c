//! The types that a user meets first each have an example.

use super::library;

const MET_FIRST: [&str; 60] = [
    "Ack",
    "Admin",
    "After",
    "App",
    "Args",
    "AuthConfig",
    "Begun",
    "BroadcastTo",
    "BusConfig",
    "Call",
    "CallError",
    "Claim",
    "Code",
    "Config",
    "Context",
    "DeflateConfig",
    "Credentials",
    "Data",
    "Emitter",
    "Envelope",
    "Event",
    "EventName",
    "Feed",
    "Frames",
    "FromCall",
    "Guard",
    "Handler",
    "Handshake",
    "HttpConfig",
    "Identity",
    "Incoming",
    "IntoReply",
    "JournalConfig",
    "Json",
    "Left",
    "LimitsConfig",
    "Module",
    "Namespace",
    "Position",
    "Presence",
    "Projection",
    "Publisher",
    "Reader",
    "Record",
    "Registry",
    "RemoteSocket",
    "Retention",
    "SessionConfig",
    "SocketioxideNamespace",
    "SqliteJournal",
    "State",
    "Subjects",
    "TelemetryConfig",
    "TestApp",
    "TestCall",
    "TestClient",
    "TestServer",
    "TestSocket",
    "TlsConfig",
    "Topic",
];

/// Whether a file declares this type in public, with an example in its documentation; `None` where it declares none.
fn has_example(text: &str, name: &str) -> Option<bool> {
    let declares = |line: &str| {
        let rest = ["pub struct ", "pub enum ", "pub trait "]
            .iter()
            .find_map(|kind| line.strip_prefix(kind));
        rest.and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric()))
    };
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| declares(line))?;
    let above = lines[..at]
        .iter()
        .rev()
        .take_while(|line| !line.is_empty() && !line.starts_with('}'));
    Some(
        above
            .filter(|line| line.starts_with("///"))
            .any(|line| line.contains("```")),
    )
}

#[test]
fn types_that_a_user_meets_first_have_an_example() {
    let library = library();
    for name in MET_FIRST {
        let found: Vec<bool> = library
            .values()
            .filter_map(|text| has_example(text, name))
            .collect();
        assert!(found.contains(&true), "{name}: {found:?}");
    }
}
