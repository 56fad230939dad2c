//! Nodes as they know of each other.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::uri::{Authority, Scheme, Uri};

/// Letters of a node's name, which the ids of its sessions begin with.
pub(super) const NAME: usize = 8;

/// A node that others reach.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its host and port.
    pub(super) authority: Authority,
    /// What a request says that another node forwards to it. Clients do not know it.
    pub(super) secret: Box<str>,
}

/// The nodes that there are, this one among them.
pub(crate) trait Directory: Send + Sync {
    /// This node's name: 8 letters of base64url, which no other node has.
    fn name(&self) -> &str;

    /// This node's secret.
    fn secret(&self) -> &str;

    /// Another node that lives.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Arc<Node>>>;

    /// This node is gone: nothing is forwarded to it any more.
    fn leave(&self) -> BoxFuture<'_, ()>;
}

/// The host and port of `http://10.0.0.5:3000`; `None` where it is anything else.
pub(crate) fn authority(url: &str) -> Option<Authority> {
    let uri: Uri = url.parse().ok()?;
    let is_plain =
        uri.scheme() == Some(&Scheme::HTTP) && ["", "/"].contains(&uri.path()) && uri.query().is_none();
    let authority = uri.into_parts().authority?;
    let is_host = !authority.host().is_empty() && !authority.as_str().contains('@');
    (is_plain && is_host).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_by_plain_http() {
        for (url, expected) in [
            ("http://10.0.0.5:3000", "10.0.0.5:3000"),
            ("http://node-1.internal/", "node-1.internal"),
            ("http://[fd00::5]:3000", "[fd00::5]:3000"),
        ] {
            assert_eq!(authority(url).unwrap().as_str(), expected);
        }
        for bad in [
            "",
            "10.0.0.5:3000",
            "https://10.0.0.5:3000",
            "http://",
            "http://:3000",
            "http://a/b",
            "http://a/?b",
            "http://me@a",
        ] {
            assert!(authority(bad).is_none(), "{bad}");
        }
    }
}
