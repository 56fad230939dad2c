//! Large Buffers, however the network cuts them.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use updraft::Config;

use super::{answer, call, server};
use crate::support::{Local, within_patience};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// A frame of a client, under a mask; or one of the server.
fn frame(kind: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![kind];
    match payload.len() {
        length @ 0..=125 => frame.push(masked | length as u8),
        length @ 126..=65_535 => {
            frame.push(masked | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(masked | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default().into_iter().cycle();
    frame.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    frame
}

async fn connected(server: &Local) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
        .write_all(&frame(TEXT, Some([1, 2, 3, 4]), b"40"))
        .await
        .unwrap();
    let mut head = Vec::new();
    let greeted = async {
        while !String::from_utf8_lossy(&head).contains("40{") || !head.ends_with(b"}") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    within_patience("the greeting", greeted).await;
    stream
}

/// What a client says, and is answered: Buffers of this size that are echoed, each with a call behind it.
fn exchange(size: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut said, mut heard) = (Vec::new(), Vec::new());
    for n in 0..4_u8 {
        let buffer: Vec<u8> = (0..size).map(|at| (at % 251) as u8 ^ n).collect();
        let echoed = json!({"event": "echo.bytes", "data": {"_placeholder": true, "num": 0}});
        let client = |kind, payload: &[u8]| frame(kind, Some([n, 7, 0, 255]), payload);
        said.extend(client(TEXT, format!(r#"451-{n}["event",{echoed}]"#).as_bytes()));
        said.extend(client(BINARY, &buffer));
        said.extend(client(TEXT, call(100 + u32::from(n)).as_bytes()));
        heard.extend(frame(TEXT, None, format!("461-{n}[{echoed}]").as_bytes()));
        heard.extend(frame(BINARY, None, &buffer));
        heard.extend(frame(TEXT, None, answer(100 + u32::from(n)).as_bytes()));
    }
    (said, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn they_come_and_go_whole_and_in_their_order() {
    let server = server(Config::default()).await;
    for size in [
        100, 16_384, 30_000, 61_400, 61_440, 65_536, 81_900, 82_000, 200_000,
    ] {
        let (said, expected) = exchange(size);
        for cut in [1_000, 20_000, 70_000, said.len()] {
            let mut stream = connected(&server).await;
            let (mut read, mut write) = stream.split();
            let says = async {
                for part in said.chunks(cut) {
                    write.write_all(part).await.unwrap();
                }
            };
            let mut heard = vec![0; expected.len()];
            let hears = async { _ = read.read_exact(&mut heard).await.unwrap() };
            within_patience("all echoes", async { tokio::join!(says, hears) }).await;
            assert!(heard == expected, "{size} bytes, cut by {cut}");
        }
    }
}
