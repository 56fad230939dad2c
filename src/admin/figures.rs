//! What all pages are sent every two seconds: the server's load, and what passed in each whole second.

use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use crate::{
    call::emitter::Emitter,
    net::traffic::{Totals, Traffic},
};

/// The namespace that the page connects to, unless another is configured.
pub(super) const NAMESPACE: &str = "/admin";

/// Seconds from one telling to the next, as the page expects it.
const SECONDS: usize = 2;

/// Most namespaces that are listed: those with the most sockets, where they are made of data.
const MOST_NAMESPACES: usize = 200;

/// The event `server_stats`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerStats<'a> {
    server_id: &'a str,
    hostname: &'a str,
    pid: u32,
    /// In seconds.
    uptime: f64,
    clients_count: u64,
    polling_clients_count: u64,
    aggregated_events: &'a [Counted],
    namespaces: Vec<Sockets>,
}

/// What passed in a second.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    /// The second's begin, in milliseconds since 1970.
    timestamp: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'static str>,
    count: u64,
}

/// A namespace.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sockets {
    name: String,
    sockets_count: usize,
}

/// Tells them for as long as the server runs.
pub(super) async fn tell(traffic: &Traffic, io: &Emitter) {
    let begun = Instant::now();
    let hostname = gethostname::gethostname().to_string_lossy().into_owned();
    let mut last = traffic.totals();
    loop {
        let mut counted = Vec::new();
        for _ in 0..SECONDS {
            let second = whole_second().await;
            let totals = traffic.totals();
            counted.extend(passed(second, &last, &totals));
            last = totals;
        }
        let stats = ServerStats {
            server_id: &hostname,
            hostname: &hostname,
            pid: std::process::id(),
            uptime: begun.elapsed().as_secs_f64(),
            clients_count: last.clients(),
            polling_clients_count: traffic.polling(),
            aggregated_events: &counted,
            namespaces: namespaces(io),
        };
        if let Err(error) = io.of(NAMESPACE).emit("server_stats", &stats).await {
            tracing::warn!(%error, "the admin page was not told how the server does");
        }
    }
}

/// Waits for the end of the second that the clock is in; when that one began, in milliseconds since 1970.
async fn whole_second() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let left = Duration::from_nanos(1_000_000_000 - u64::from(now.subsec_nanos()));
    tokio::time::sleep(left).await;
    now.as_secs() * 1000
}

/// What passed from one look to the next.
fn passed(second: u64, before: &Totals, now: &Totals) -> Vec<Counted> {
    let plain = [
        ("rawConnection", before.begun, now.begun),
        ("packetsIn", before.packets_in, now.packets_in),
        ("packetsOut", before.packets_out, now.packets_out),
        ("bytesIn", before.bytes_in, now.bytes_in),
        ("bytesOut", before.bytes_out, now.bytes_out),
    ];
    let plain = plain.map(|(kind, before, now)| (kind, None, before, now));
    let ended = before.ended().zip(now.ended());
    let ended = ended.map(|((reason, before), (_, now))| ("rawDisconnection", Some(reason), before, now));
    let all = plain.into_iter().chain(ended);
    all.filter(|(.., before, now)| now > before)
        .map(|(kind, sub_type, before, now)| Counted {
            timestamp: second,
            kind,
            sub_type,
            count: now - before,
        })
        .collect()
}

fn namespaces(io: &Emitter) -> Vec<Sockets> {
    let mut namespaces = io.namespaces();
    if namespaces.len() > MOST_NAMESPACES {
        namespaces.sort_unstable_by_key(|(_, sockets)| std::cmp::Reverse(*sockets));
        namespaces.truncate(MOST_NAMESPACES);
    }
    let figures = |(name, sockets_count)| Sockets { name, sockets_count };
    namespaces.into_iter().map(figures).collect()
}
