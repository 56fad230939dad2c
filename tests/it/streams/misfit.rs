//! Calls that open a stream which their function does not give or take.

use std::fs;

use serde_json::json;
use updraft::{App, Frames, Incoming, Json, LimitsConfig};

use super::{
    Streams,
    command::{call, server},
    granted, module,
};
use crate::support::Packet;

#[test]
fn a_call_without_its_option_is_told_which() {
    let server = server();
    let (done, _, said) = call(&server, &["api.stream.count", "--data", r#"{"to":1}"#], "");
    assert!(!done && said.contains("--stream"), "{said}");
    let (done, _, said) = call(&server, &["api.stream.upload", "--stream"], "");
    assert!(!done && said.contains("--upload FILE"), "{said}");
}

#[test]
fn a_call_that_its_function_does_not_fit_says_so() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (film, empty, output) = (path("film.bin"), path("empty.bin"), path("output.bin"));
    fs::write(&film, vec![7; 200_000]).unwrap();
    fs::write(&empty, "").unwrap();
    let says = |arguments: &[&str], succeeds: bool, answer: &str, told: &str| {
        let (done, stdout, stderr) = call(&server, arguments, "");
        assert_eq!(
            (done, &*stdout, &*stderr),
            (succeeds, answer, told),
            "{arguments:?}"
        );
    };
    let online = "\"online\"\n";
    let status = "api.services.status";
    says(
        &[status, "--stream"],
        true,
        online,
        "warning: the function does not stream: this is its answer\n",
    );
    says(
        &[status, "--stream", "--output", &output],
        false,
        online,
        "error: the function does not stream: no file was written\n",
    );
    let untaken = "error: the function takes no frames: nothing was uploaded\n";
    for file in [&*film, &*empty] {
        says(&[status, "--upload", file], false, online, untaken);
        says(&[status, "--upload", file, "--stream"], false, online, untaken);
    }
    // One that would not end by itself.
    let count = ["api.stream.count", "--data", r#"{"to":1000000000}"#];
    says(&[&count[..], &["--upload", &film]].concat(), false, "", untaken);
    says(
        &[&count[..], &["--upload", &film, "--stream"]].concat(),
        false,
        "",
        untaken,
    );
    says(
        &["api.stream.upload", "--stream"],
        false,
        "",
        "error: the function takes frames: send some by --upload FILE\n",
    );
    assert!(!folder.path().join("output.bin").exists());
}

/// An answer that needs none of the frames, at once.
async fn known(_: Incoming<Json<u64>>) -> &'static str {
    "known"
}

async fn eager(_: Incoming<Json<u64>>) -> Frames<futures_util::stream::Empty<Json<u64>>> {
    Frames(futures_util::stream::empty())
}

/// So a client that was acked without a credit knows that nothing of what it has to send is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_credit_comes_before_the_ack_and_only_from_a_function_that_takes_frames() {
    let app = App::new().module(module().on("known", known).on("eager", eager));
    let streams = Streams::of(app, LimitsConfig::default()).await;
    let mut client = streams.server.client().await;
    let open = |event: &str, name: &str| json!({"event": event, "stream": name, "data": 0});
    for (event, takes_frames) in [
        ("s.known", true),
        ("s.eager", true),
        ("s.double", true),
        ("s.ping", false),
        ("s.count", false),
    ] {
        for round in 0..20 {
            let name = format!("{event}{round}");
            let ack = client.begin(&open(event, &name)).await;
            let mut first = client.packet().await;
            if takes_frames {
                assert_eq!(
                    first,
                    Packet::Event("event".to_owned(), granted(&name), None),
                    "{event}"
                );
                first = client.packet().await;
            }
            assert!(
                matches!(first, Packet::Ack(number, _) if number == ack),
                "{event}: {first:?}"
            );
            match event {
                "s.double" => client.emit(&super::cancel(&name)).await,
                "s.eager" | "s.count" => assert_eq!(super::next(&mut client).await, super::end(&name, 0)),
                _ => {}
            }
        }
    }
}
