//! Stock JS clients that lose their server, come back by themselves, and have missed nothing.

use crate::support::node;

fn comes_back(generation: &str, transport: &str) {
    node(
        "topics.mjs",
        &[env!("CARGO_BIN_EXE_updraft"), generation, transport],
    );
}

#[test]
fn a_4_client_names_its_position_in_the_handshake() {
    comes_back("4", "websocket");
    comes_back("4", "upgraded");
}

#[test]
fn a_2_client_subscribes_whenever_it_connects() {
    comes_back("2", "websocket");
    comes_back("2", "polling");
}
