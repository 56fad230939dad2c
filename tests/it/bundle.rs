//! The JS client's files beside the engine's requests, which share their path.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use updraft::{App, Config, HttpConfig, testing::TestServer};

/// What the server says to a request for `path`.
async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn the_js_client_is_handed_out_whatever_query_its_address_has() {
    let directory = std::env::temp_dir().join(format!("updraft-bundle-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("socket.io.js"), "the JS client").unwrap();
    let config = Config {
        http: HttpConfig {
            client_bundle: Some(directory.clone()),
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let server = TestServer::start(App::new().config(config)).await;
    for path in ["/socket.io/socket.io.js", "/socket.io/socket.io.js?v=4.8.4"] {
        let said = get(server.address(), path).await;
        assert!(said.ends_with("the JS client"), "{path}: {said}");
    }
    for path in ["/socket.io?EIO=4&transport=polling", "/?EIO=4&transport=polling"] {
        let said = get(server.address(), path).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{path}: {said}");
    }
    server.stop().await;
    std::fs::remove_dir_all(&directory).unwrap();
}
