//! Paths of one's own: several, with what a proxy leaves in front, and the client bundle under each.

use std::fs;

use updraft::{App, Config, HttpConfig, testing::TestServer};

use super::{app, script};
use crate::support::{Http, Local};

fn at(paths: &[&str]) -> Config {
    Config {
        http: HttpConfig {
            path: paths.iter().map(|path| (*path).to_owned()).collect(),
            ..HttpConfig::default()
        },
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_generation_find_it_under_each_path() {
    let local = Local::start(app(), at(&["/realtime", "/app/api/socket.io/"])).await;
    for (generation, transport, path) in [
        ("2", "polling", "/realtime"),
        ("3", "websocket", "/app/api/socket.io"),
        ("4", "upgraded", "/realtime"),
        ("4", "upgraded", "/app/api/socket.io/"),
        ("2", "websocket", "/"),
    ] {
        let arguments = [&local.url, generation, transport, path].map(str::to_owned);
        script(&[], "paths.mjs", arguments.into()).await;
    }
    let asked = |path: &str| Http::get(&local.url, &format!("{path}/?EIO=4&transport=polling"), &[]).status;
    assert_eq!(
        (asked("/realtime"), asked("/socket.io"), asked("/api/socket.io")),
        (200, 404, 404)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_bundle_is_under_each_path() {
    let bundle = tempfile::tempdir().unwrap();
    fs::write(bundle.path().join("socket.io.js"), "the client").unwrap();
    let config = Config {
        http: HttpConfig {
            client_bundle: Some(bundle.path().to_owned()),
            ..at(&["/realtime", "/socket.io"]).http
        },
        ..Config::default()
    };
    let local = Local::start(App::new(), config).await;
    for path in ["/realtime", "/socket.io"] {
        let file = Http::get(&local.url, &format!("{path}/socket.io.js"), &[]);
        assert_eq!((file.status, &*file.body), (200, "the client"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_path_is_an_error_at_start() {
    for path in ["", "/", "socket.io", "/a b", "/{a}", "/a//b", "/a?b"] {
        let config = Config {
            port: 0,
            ..at(&[path])
        };
        let error = App::new().config(config).start().await.err();
        let told = error.unwrap_or_else(|| panic!("{path} is a path")).to_string();
        assert!(told.contains("--path"), "{path}: {told}");
    }
    // One that is named twice is one.
    let config = at(&["/socket.io", "/socket.io/"]);
    TestServer::start(App::new().config(config)).await.stop().await;
}
