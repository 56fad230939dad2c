//! Updraft as a neighbour in a cluster of Node servers, by the wires of Socket.IO's official adapters.

mod access;
mod app;
mod emit;
mod matrix;
mod neighbour;
mod numbers;
mod wreckage;

use std::future::Future;

fn wait_for<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}
