//! Whose pages may connect.

use super::{POLL, refused, websocket};
use crate::support::{Http, Program};

fn poll(server: &Program, headers: &[&str]) -> u16 {
    Http::get(&server.url, POLL, headers).status
}

#[test]
fn pages_of_other_origins_may_not_connect() {
    let server = Program::start(&["--metrics"]);
    for origin in ["https://a.example", "http://localhost:1", "null", "file://"] {
        let header = format!("origin: {origin}");
        let response = Http::get(&server.url, POLL, &[&header]);
        assert_eq!(response.status, 403, "{origin}");
        assert!(response.body.contains("--allowed-origins"), "{}", response.body);
        assert_eq!(response.header("access-control-allow-origin"), None);
        let cookie = "cookie: session=of-the-victim";
        assert_eq!(websocket(&server.url, &[&header, cookie]).1, 403, "{origin}");
        let at_root = Http::get(&server.url, "/?EIO=4&transport=polling", &[&header]);
        assert_eq!(at_root.status, 403, "{origin}");
    }
    assert_eq!(refused(&server.url, "origin"), 12);
}

#[test]
fn pages_of_the_server_itself_and_what_is_no_page_may_connect() {
    let server = Program::start(&[]);
    assert_eq!(poll(&server, &[]), 200);
    assert_eq!(websocket(&server.url, &[]).1, 101);
    // What the story's own HTTP asks for is `host: localhost`.
    for own in ["origin: http://localhost", "origin: https://LOCALHOST"] {
        assert_eq!(poll(&server, &[own]), 200, "{own}");
        assert_eq!(websocket(&server.url, &[own]).1, 101, "{own}");
    }
    let health = Http::get(&server.url, "/health/live", &["origin: https://a.example"]);
    assert_eq!(health.status, 200, "who only looks is not asked");
}

#[test]
fn pages_of_the_origins_that_are_named_may_connect() {
    let server = Program::start(&["--allowed-origins", "https://a.example,http://b.example:8080"]);
    for origin in ["https://a.example", "http://b.example:8080"] {
        let header = format!("origin: {origin}");
        let response = Http::get(&server.url, POLL, &[&header]);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("access-control-allow-origin"), Some(origin));
        assert_eq!(response.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(websocket(&server.url, &[&header]).1, 101);
    }
    for origin in ["https://c.example", "http://a.example", "https://a.example.org"] {
        let header = format!("origin: {origin}");
        let response = Http::get(&server.url, POLL, &[&header]);
        assert_eq!(response.status, 403, "{origin}");
        assert_eq!(response.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(websocket(&server.url, &[&header]).1, 403, "{origin}");
    }
    assert_eq!(
        websocket(&server.url, &["origin: http://localhost"]).1,
        101,
        "its own"
    );
    let asked = [
        "origin: https://a.example",
        "access-control-request-method: POST",
        "access-control-request-headers: content-type",
    ];
    let response = Http::open(&server.url).ask("OPTIONS", POLL, &asked);
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://a.example")
    );
    assert_eq!(response.header("access-control-allow-methods"), Some("GET,POST"));
}

#[test]
fn a_star_lets_pages_of_every_origin_connect() {
    let server = Program::start(&["--allowed-origins", "*"]);
    let response = Http::get(&server.url, POLL, &["origin: https://any.example"]);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://any.example")
    );
    assert_eq!(response.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(websocket(&server.url, &["origin: null"]).1, 101);
}
