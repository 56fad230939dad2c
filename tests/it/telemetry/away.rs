//! A collector that is away, slow, or refuses: nothing waits for it, and what it does not get is counted.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{http::StatusCode, serve::Listener};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::ServerConfig,
    rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::TlsStream,
};
use updraft::{App, HttpConfig, Module};

use super::{Collector, collector::Signal, telling, to};
use crate::{
    metrics::told,
    support::{Local, Program, RawClient, until},
    tls::Pair,
};

/// More spans than wait for a collector.
const CALLS: u32 = 5000;

/// A flush is given up after two seconds; the rest is for a machine that has much to do.
const PROMPT: Duration = Duration::from_secs(30);

fn dropped(local: &Local, signal: &str) -> u64 {
    let series = format!("updraft_telemetry_dropped_total{{signal=\"{signal}\"}} ");
    let text = told(local);
    let line = text.lines().find_map(|line| line.strip_prefix(&*series));
    line.expect("it is counted").parse().unwrap()
}

async fn calls(local: &Local, number: u32) {
    const AT_ONCE: u32 = 20;
    let mut client = local.client().await;
    let mut begun = 0;
    while begun < number {
        let mut last = 0;
        for _ in 0..AT_ONCE.min(number - begun) {
            last = client.begin(&json!({"event": "api.services.status"})).await;
            begun += 1;
        }
        assert_eq!(client.answer(last).await["data"], "online");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_answers_nothing_slows_no_call_and_no_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = to(&format!("http://{}", silent.local_addr().unwrap()));
    config.http = HttpConfig {
        metrics: true,
        ..HttpConfig::default()
    };
    let local = Local::start(App::new(), config).await;
    calls(&local, CALLS).await;
    assert!(dropped(&local, "traces") > 0, "what is beyond the queue");
    let begun = Instant::now();
    local.server.stop().await;
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_refuses_for_good_is_counted_and_what_it_refuses_for_now_arrives() {
    let collector = Collector::start().await;
    let mut config = telling(&collector);
    config.http = HttpConfig {
        metrics: true,
        ..HttpConfig::default()
    };
    let app = App::new().module(Module::new("api.test").on("later", async || "yes"));
    let local = Local::start(app, config).await;
    collector.refuse(Signal::Traces, [StatusCode::BAD_REQUEST]);
    calls(&local, 1).await;
    until("a span to be dropped", || dropped(&local, "traces") == 1).await;
    let for_now = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    collector.refuse(Signal::Traces, for_now);
    let mut client = local.client().await;
    client.call(&json!({"event": "api.test.later"})).await;
    collector.span("api.test.later").await;
    assert_eq!(dropped(&local, "traces"), 1);
}

/// Rounds of a server that stops: what it sends then has two seconds, which is little where others work too.
const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_when_it_stops_arrives() {
    for _ in 1..ROUNDS {
        if spans_at_its_end().await == 3 {
            return;
        }
    }
    assert_eq!(spans_at_its_end().await, 3);
}

/// How many spans of three calls arrive where the server stops after them.
async fn spans_at_its_end() -> usize {
    let collector = Collector::start().await;
    let local = Local::start(App::new(), telling(&collector)).await;
    calls(&local, 3).await;
    local.server.stop().await;
    collector.got(|got| got.spans.len())
}

/// Accepts TLS.
struct Tls(TcpListener, TlsAcceptor);

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, from) = self.0.accept().await.unwrap();
        (self.1.accept(stream).await.unwrap(), from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_by_https_gets_the_headers_that_it_asks_for() {
    let pair = Pair::new();
    let certificate = CertificateDer::from_pem_file(&pair.cert).unwrap();
    let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/otlp/",
        listener.local_addr().unwrap().port()
    );
    let collector = Collector::at(url);
    let router = axum::Router::new().nest("/otlp", collector.router());
    let listener = Tls(listener, TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(axum::serve(listener, router).into_future());

    let variables = [
        ("UPDRAFT_OTLP", &*collector.url),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20s3cr3t,x-scope-orgid=1",
        ),
        ("SSL_CERT_FILE", &pair.cert),
    ];
    let server = Program::start_on(std::process::Stdio::null(), &variables, &[]);
    let mut client = RawClient::connect(&server.url).await;
    client.call(&json!({"event": "api.services.status"})).await;
    collector.span("api.services.status").await;
    let headers = collector.got(|got| got.headers[0].clone());
    assert_eq!(headers["authorization"], "Bearer s3cr3t");
    assert_eq!(headers["x-scope-orgid"], "1");
}

#[test]
fn settings_that_cannot_be_meant_are_told_at_start() {
    const THERE: [&str; 2] = ["--otlp", "http://127.0.0.1:9"];
    for (flags, why) in [
        (
            &["--otlp", "localhost:4317"][..],
            "write it as http://localhost:4318",
        ),
        (
            &[&THERE[..], &["--otlp-sampler", "xray"]].concat(),
            "there is no 'xray'",
        ),
        (
            &[&THERE[..], &["--otlp-headers", "s3cr3t"]].concat(),
            "--otlp-headers is no list of headers",
        ),
    ] {
        let all = [&["serve", "--port", "0"], flags].concat();
        let (done, _, said) = crate::support::updraft(&all, "");
        assert!(!done && said.contains(why) && !said.contains("s3cr3t"), "{said}");
    }
}
