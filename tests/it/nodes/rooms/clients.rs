//! Stock clients of three generations in the same rooms at two nodes.

use tokio::task::block_in_place;

use super::by_each;
use crate::support::node;

#[test]
fn stock_clients_of_each_generation_share_rooms_over_nodes() {
    by_each(async |shared| {
        let (nodes, _clients) = shared.two_nodes().await;
        for (generation, transport) in [
            ("2", "websocket"),
            ("3", "polling"),
            ("4", "websocket"),
            ("4", "polling"),
        ] {
            let urls = [&*nodes[0].url, &*nodes[1].url];
            block_in_place(|| node("rooms-of-nodes.mjs", &[urls[0], urls[1], generation, transport]));
        }
        for node in nodes {
            node.server.stop().await;
        }
    });
}
