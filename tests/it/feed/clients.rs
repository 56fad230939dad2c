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

#[test]
fn clients_of_each_generation_follow_a_topic_by_the_package() {
    for [generation, transport] in [["2", "polling"], ["3", "websocket"], ["4", "upgraded"]] {
        node(
            "package-topics.mjs",
            &[env!("CARGO_BIN_EXE_updraft"), generation, transport],
        );
    }
}
