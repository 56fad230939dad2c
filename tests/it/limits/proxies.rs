//! Behind a proxy clients are distinguished by what the proxy writes of them.

use super::{POLL, refused, websocket};
use crate::support::{Http, Program, until};

fn behind_a_proxy() -> Program {
    Program::start(&[
        "--metrics",
        "--trusted-proxies",
        "127.0.0.1,10.0.0.0/8",
        "--max-connections-per-address",
        "1",
    ])
}

#[tokio::test]
async fn each_client_behind_a_proxy_has_places_of_its_own() {
    let server = behind_a_proxy();
    let of = |header: &str| websocket(&server.url, &[header]);
    let (first, status) = of("x-forwarded-for: 192.0.2.1");
    assert_eq!(status, 101);
    for same in [
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-for: 6.6.6.6, 192.0.2.1",
        "x-forwarded-for: 192.0.2.1, 10.1.2.3",
        "forwarded: for=192.0.2.1;proto=https",
    ] {
        assert_eq!(of(same).1, 503, "{same}");
    }
    assert_eq!(refused(&server.url, "connections_per_address"), 4);
    let (_second, status) = of("x-forwarded-for: 192.0.2.2");
    assert_eq!(status, 101);

    drop(first);
    until("the place to come back", || {
        of("x-forwarded-for: 192.0.2.1").1 == 101
    })
    .await;
}

#[test]
fn requests_that_a_proxy_sends_over_one_connection_are_of_many_clients() {
    let server = behind_a_proxy();
    let mut proxy = Http::open(&server.url);
    for number in 0..20 {
        let header = format!("x-forwarded-for: 192.0.2.{number}");
        assert_eq!(proxy.ask("GET", POLL, &[&header]).status, 200);
    }
    // What is answered holds no place.
    for _ in 0..5 {
        let response = proxy.ask("GET", POLL, &["x-forwarded-for: 192.0.2.1"]);
        assert_eq!(response.status, 200);
    }
}
