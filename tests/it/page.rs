//! Pages beside Socket.IO: an app's own routes, and the demo's page.

use axum::{Router, routing::get};
use updraft::App;

use crate::support::{Http, Local, Program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apps_own_routes_stand_behind_those_of_the_server() {
    let own = Router::new()
        .route("/", get(async || "mine"))
        .route("/health/live", get(async || "mine too, but taken"))
        .route("/hook", get(async || "called"));
    let more = Router::new().route("/more", get(async || "more"));
    let Local { server, url } = Local::of(App::new().routes(own).routes(more)).await;
    let asked = tokio::task::spawn_blocking(move || {
        for (path, body) in [
            ("/", "mine"),
            ("/hook", "called"),
            ("/more", "more"),
            ("/health/live", "live"),
        ] {
            let response = Http::get(&url, path, &[]);
            assert_eq!((response.status, response.body.as_str()), (200, body), "{path}");
        }
        assert_eq!(Http::get(&url, "/none", &[]).status, 404);
        let poll = Http::get(&url, "/?EIO=4&transport=polling", &[]);
        assert!(poll.body.contains("\"sid\""), "the engine's at the root too");
    });
    asked.await.unwrap();
    server.stop().await;
}

#[test]
fn the_demos_page_lets_nothing_in_from_elsewhere() {
    let server = Program::start(&[]);
    for (path, status) in [("/", 200), ("/none.js", 404), ("/../Cargo.toml", 404)] {
        let response = Http::get(&server.url, path, &[]);
        assert_eq!(response.status, status, "{path}");
        let policy = response.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
    }
}

/// With Node.js or without: what is at the root is the page, or says how to build it.
#[test]
fn the_root_is_the_page_or_says_how_to_build_it() {
    let server = Program::start(&[]);
    let root = Http::get(&server.url, "/", &[]);
    assert!(root.header("content-type").unwrap().starts_with("text/html"));
    assert!(root.body.contains("<title>Updraft</title>"));
    let assets = root.body.split('"').filter(|part| part.starts_with("/assets/"));
    let assets: Vec<&str> = assets.collect();
    if assets.is_empty() {
        assert!(root.body.contains("make run"), "{}", root.body);
        return;
    }
    assert_eq!(root.header("cache-control"), Some("no-cache"));
    let known = format!("if-none-match: {}", root.header("etag").unwrap());
    assert_eq!(Http::get(&server.url, "/", &[&known]).status, 304);
    for asset in assets.iter().filter(|asset| !asset.ends_with(".woff2")) {
        let response = Http::get(&server.url, asset, &[]);
        assert_eq!(response.status, 200, "{asset}");
        let kind = response.header("content-type").unwrap();
        assert!(
            kind.starts_with("text/javascript") || kind.starts_with("text/css"),
            "{kind}"
        );
        let kept = response.header("cache-control").unwrap();
        assert_eq!(kept, "public, max-age=31536000, immutable");
    }
}
