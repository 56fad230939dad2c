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
    assert_eq!(health.status, 200, "a request without a session is not checked");
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
fn pages_of_every_label_under_a_name_may_connect() {
    let named = "https://*.Example.org:443, http://A.example:80,null,file://";
    let server = Program::start(&["--allowed-origins", named]);
    for origin in ["https://a.example.org", "http://a.example", "null", "file://"] {
        let header = format!("origin: {origin}");
        let response = Http::get(&server.url, POLL, &[&header]);
        assert_eq!(response.status, 200, "{origin}");
        assert_eq!(response.header("access-control-allow-origin"), Some(origin));
        assert_eq!(websocket(&server.url, &[&header]).1, 101, "{origin}");
    }
    for origin in [
        "https://example.org",
        "https://a.b.example.org",
        "http://a.example.org",
    ] {
        let header = format!("origin: {origin}");
        let response = Http::get(&server.url, POLL, &[&header]);
        assert_eq!(response.status, 403, "{origin}");
        assert_eq!(response.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(websocket(&server.url, &[&header]).1, 403, "{origin}");
    }
}

#[test]
fn only_socket_ios_path_lets_pages_of_others_read_with_credentials() {
    let bundle = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clients/node_modules/socket.io-client-4/dist"
    );
    for named in ["*", "https://a.example"] {
        let flags = ["--allowed-origins", named, "--metrics", "--client-bundle", bundle];
        let server = Program::start(&flags);
        let asks = |path: &str| {
            let response = Http::get(&server.url, path, &["origin: https://a.example"]);
            let allowed = response.header("access-control-allow-origin").map(str::to_owned);
            let credentials = response.header("access-control-allow-credentials").is_some();
            (response.status, allowed, credentials)
        };
        for path in ["/", "/health/live", "/health/ready", "/metrics"] {
            assert_eq!(asks(path), (200, None, false), "{path} with {named}");
        }
        assert_eq!(asks("/nothing").1, None);
        let allowed = Some("https://a.example".to_owned());
        for path in [POLL, "/?EIO=4&transport=polling", "/socket.io/socket.io.js"] {
            assert_eq!(asks(path), (200, allowed.clone(), true), "{path} with {named}");
        }
        let asked = ["origin: https://a.example", "access-control-request-method: POST"];
        let preflight = Http::open(&server.url).ask("OPTIONS", "/health/live", &asked);
        assert_eq!(preflight.header("access-control-allow-origin"), None);
    }
}

#[test]
fn what_is_refused_is_logged_once_in_a_while_with_what_to_set() {
    let server = Program::start(&[]);
    let origin = "origin: https://app.example.org";
    for _ in 0..10 {
        let headers = [origin, "x-forwarded-host: app.example.org"];
        assert_eq!(poll(&server, &headers), 403);
    }
    server.signal("TERM");
    let (_, said) = server.wait();
    let told: Vec<_> = said.lines().filter(|line| line.contains("was refused")).collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(
        told[0].contains("a proxy wrote localhost in place of the Host"),
        "{said}"
    );
    assert!(
        told[0].contains("set --allowed-origins https://app.example.org"),
        "{said}"
    );
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
