//! A runtime of its own for each core, all of them at one address: the fastest way that was found to run a server.

use std::{net::SocketAddr, thread};

use socket2::{Domain, Socket, Type};
use tokio::{net::TcpListener, runtime::Builder};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Serves on every core.
pub(super) fn per_core<S>(serve: S) -> SocketAddr
where
    S: AsyncFn(TcpListener) + Clone + Send + 'static,
{
    let first = listener(SocketAddr::from(([127, 0, 0, 1], 0)));
    let address = first.local_addr().expect("it listens");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let others = (1..cores).map(|_| listener(address));
    // All of them listen before the first connection comes.
    let listeners: Vec<_> = std::iter::once(first).chain(others).collect();
    for listener in listeners {
        let serve = serve.clone();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                serve(TcpListener::from_std(listener).expect("a runtime")).await;
            });
        });
    }
    address
}

fn listener(address: SocketAddr) -> std::net::TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_port(true).expect("a setting");
    socket.set_nonblocking(true).expect("a setting");
    socket.bind(&address.into()).expect("a free port");
    socket.listen(BACKLOG).expect("a free port");
    socket.into()
}
