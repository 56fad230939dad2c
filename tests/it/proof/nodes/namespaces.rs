//! Nodes as machines of their own: each in a network namespace, behind a router that drops what it is told to drop. Needs root, and
//! `ip` (iproute2). What is dropped is seen by no program: the kernels send again, and give up.

use std::process::{self, Command, Stdio};

use super::network::{Cut, Link, Network};
use crate::support::{Lost, PATIENCE, PORT as DATABASE_PORT, Program};

/// Where nodes listen, each in a namespace of its own.
const PORT: &str = "3000";

/// This machine has the servers of the database and the clients; a router leads to the nodes. The addresses are those that are set
/// apart for tests of networks (RFC 2544), by the number of this process.
pub(super) struct Namespaces {
    nodes: usize,
    /// Of the names of namespaces, and of the device that leads there.
    name: String,
    /// The third number of the addresses of this machine; those of the nodes follow.
    net: usize,
}

impl Namespaces {
    pub(super) fn new(nodes: usize) -> Self {
        let this = Self {
            nodes,
            name: format!("ud{}", process::id()),
            net: process::id() as usize % 30 * 8,
        };
        this.make_router();
        (0..nodes).for_each(|node| this.make_node(node));
        this
    }

    /// Addresses of the servers of the database.
    pub(super) fn servers(&self) -> [String; 2] {
        [self.address(0, 2), self.address(0, 3)]
    }

    /// All addresses that there are.
    pub(super) fn all(&self) -> String {
        format!("198.18.{}.0/21", self.net)
    }

    fn address(&self, net: usize, number: usize) -> String {
        format!("198.18.{}.{number}", self.net + net)
    }

    /// Where clients come from.
    fn clients(&self) -> String {
        self.address(0, 9)
    }

    fn router(&self) -> String {
        format!("{}-router", self.name)
    }

    fn namespace(&self, node: usize) -> String {
        format!("{}-{node}", self.name)
    }

    fn make_router(&self) {
        let (device, router) = (&self.name, self.router());
        ip(&format!("netns add {router}"));
        ip(&format!(
            "link add {device} type veth peer name outside netns {router}"
        ));
        for address in self.servers().iter().chain([&self.clients()]) {
            ip(&format!("address add {address}/24 dev {device}"));
        }
        ip(&format!("link set {device} up"));
        ip(&format!(
            "-n {router} address add {}/24 dev outside",
            self.address(0, 1)
        ));
        ip(&format!("-n {router} link set outside up"));
        let forward = ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"];
        ip_with(&format!("netns exec {router}"), &forward);
    }

    fn make_node(&self, node: usize) {
        let (router, namespace) = (self.router(), self.namespace(node));
        let (here, there) = (self.address(node + 1, 1), self.address(node + 1, 2));
        ip(&format!("netns add {namespace}"));
        ip(&format!(
            "-n {router} link add node{node} type veth peer name outside netns {namespace}"
        ));
        ip(&format!("-n {router} address add {here}/24 dev node{node}"));
        ip(&format!("-n {router} link set node{node} up"));
        ip(&format!("-n {namespace} address add {there}/24 dev outside"));
        ip(&format!("-n {namespace} link set outside up"));
        ip(&format!("-n {namespace} link set lo up"));
        ip(&format!("-n {namespace} route add default via {here}"));
        let (router, clients) = (self.address(0, 1), self.clients());
        ip(&format!("route add {there}/32 via {router} src {clients}"));
    }

    /// The other ends of a link, from a node, and the numbers of the two rules that there may be for it.
    fn ends(&self, node: usize, link: Link) -> (Vec<String>, [usize; 2]) {
        let first = 100 + 4 * node;
        match link {
            Link::Database => (self.servers().to_vec(), [first, first + 1]),
            Link::Clients => (vec![self.clients()], [first + 2, first + 3]),
        }
    }
}

impl Network for Namespaces {
    fn start(&self, node: usize, flags: &[&str]) -> Program {
        let (namespace, host) = (self.namespace(node), self.address(node + 1, 2));
        let flags = [&["--host", &host, "--port", PORT], flags].concat();
        Program::start_by(&["ip", "netns", "exec", &namespace], &flags)
    }

    fn hosts(&self, _: usize) -> String {
        self.servers()
            .map(|address| format!("{address}:{DATABASE_PORT}"))
            .join(",")
    }

    fn url(&self, node: usize) -> String {
        format!("http://{}:{PORT}", self.address(node + 1, 2))
    }

    fn cut(&self, node: usize, link: Link, cut: Cut) {
        let (ends, [from_node, to_node]) = self.ends(node, link);
        let (is_from_lost, is_to_lost) = match (link, cut) {
            (_, Cut::Told | Cut::Silent(Lost::All)) => (true, true),
            (Link::Database, Cut::Silent(Lost::Requests)) | (Link::Clients, Cut::Silent(Lost::Answers)) => {
                (true, false)
            }
            _ => (false, true),
        };
        let action = match cut {
            Cut::Told => "unreachable",
            Cut::Silent(_) => "blackhole",
        };
        let (router, node) = (self.router(), self.address(node + 1, 2));
        for end in &ends {
            if is_from_lost {
                ip(&format!(
                    "-n {router} rule add from {node} to {end} {action} pref {from_node}"
                ));
            }
            if is_to_lost {
                ip(&format!(
                    "-n {router} rule add from {end} to {node} {action} pref {to_node}"
                ));
            }
        }
    }

    fn mend(&self, node: usize, link: Link) {
        let (ends, rules) = self.ends(node, link);
        for rule in rules {
            for _ in &ends {
                // There may be none.
                try_ip(&format!("-n {} rule del pref {rule}", self.router()));
            }
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        // Devices and routes go with them.
        try_ip(&format!("link del {}", self.name));
        try_ip(&format!("netns del {}", self.router()));
        for node in 0..self.nodes {
            try_ip(&format!("netns del {}", self.namespace(node)));
        }
    }
}

fn ip(arguments: &str) {
    ip_with(arguments, &[]);
}

fn ip_with(arguments: &str, more: &[&str]) {
    let done = command(arguments).args(more).status();
    assert!(done.expect("iproute2 is installed").success(), "ip {arguments}");
}

fn try_ip(arguments: &str) -> bool {
    let done = command(arguments).stderr(Stdio::null()).status();
    done.is_ok_and(|done| done.success())
}

fn command(arguments: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args([&PATIENCE.as_secs().to_string(), "ip"]);
    command.args(arguments.split(' '));
    command
}
