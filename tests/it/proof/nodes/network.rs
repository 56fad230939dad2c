//! What lies between a node and its database, and between a node and its clients; and what gets lost there. By default that is a
//! proxy on each way; with `UPDRAFT_NETWORK=namespaces` each node is a machine of its own behind a router.

use std::{env, net::SocketAddr};

use tokio::runtime::Runtime;

use super::{databases::Databases, namespaces::Namespaces};
use crate::support::{Lost, Program, Proxy};

/// A way that all packets of its kind take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// From a node to both servers of its database.
    Database,
    /// From all clients to a node.
    Clients,
}

/// What becomes of packets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// None gets through, and those that send them are told at once.
    Told,
    /// Nobody is told.
    Silent(Lost),
}

/// The network of some nodes.
pub(super) trait Network {
    /// Starts a node, with flags; also in place of one that has ended.
    fn start(&self, node: usize, flags: &[&str]) -> Program;

    /// Where a node reaches the servers of its database, as in a URL: `host:port,host:port`.
    fn hosts(&self, node: usize) -> String;

    /// Where its clients reach a node.
    fn url(&self, node: usize) -> String;

    fn cut(&self, node: usize, link: Link, cut: Cut);

    fn mend(&self, node: usize, link: Link);
}

/// The one that the variable names, with a database that has these settings.
pub(super) fn chosen(nodes: usize, settings: &str) -> (Box<dyn Network>, Databases) {
    match env::var("UPDRAFT_NETWORK").as_deref() {
        Ok("namespaces") => {
            let network = Namespaces::new(nodes);
            let databases = Databases::listening(settings, network.servers(), &network.all());
            (Box::new(network), databases)
        }
        Ok(other) => panic!("there is no network '{other}'"),
        Err(_) => {
            let databases = Databases::start(settings);
            (Box::new(Proxies::new(nodes, &databases)), databases)
        }
    }
}

/// Proxies on 127.0.0.1. What is lost is sent again, and gets through once it can.
pub(super) struct Proxies {
    /// They run in it.
    _runtime: Runtime,
    nodes: Vec<Ways>,
}

struct Ways {
    databases: Vec<Proxy>,
    clients: Proxy,
}

impl Ways {
    async fn new(databases: &Databases) -> Self {
        let mut ways = Self {
            databases: Vec::new(),
            clients: Proxy::before_a_node().await,
        };
        for socket in databases.sockets() {
            ways.databases.push(Proxy::before(&socket).await);
        }
        ways
    }
}

impl Proxies {
    pub(super) fn new(nodes: usize, databases: &Databases) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let nodes = runtime.block_on(async {
            let mut all = Vec::new();
            for _ in 0..nodes {
                all.push(Ways::new(databases).await);
            }
            all
        });
        Self {
            _runtime: runtime,
            nodes,
        }
    }

    fn proxies(&self, node: usize, link: Link) -> &[Proxy] {
        let ways = &self.nodes[node];
        match link {
            Link::Database => &ways.databases,
            Link::Clients => std::slice::from_ref(&ways.clients),
        }
    }
}

impl Network for Proxies {
    fn start(&self, node: usize, flags: &[&str]) -> Program {
        let program = Program::start_by(&[], flags);
        let address = program.url.trim_start_matches("http://");
        let address: SocketAddr = address.parse().expect("an address");
        self.nodes[node].clients.leads_to(address);
        program
    }

    fn hosts(&self, node: usize) -> String {
        let hosts = self.nodes[node].databases.iter();
        let hosts: Vec<_> = hosts.map(|proxy| proxy.address.to_string()).collect();
        hosts.join(",")
    }

    fn url(&self, node: usize) -> String {
        format!("http://{}", self.nodes[node].clients.address)
    }

    fn cut(&self, node: usize, link: Link, cut: Cut) {
        for proxy in self.proxies(node, link) {
            match cut {
                Cut::Told => proxy.cut(),
                Cut::Silent(lost) => proxy.lose(lost),
            }
        }
    }

    fn mend(&self, node: usize, link: Link) {
        self.proxies(node, link).iter().for_each(Proxy::open);
    }
}
