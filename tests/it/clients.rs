//! Real clients: three generations of socket.io-client, over WebSocket, polling, and polling that upgrades
//! to WebSocket. Each test is one of the nine.

use crate::support::{PATIENT, Program, every_client, node, node_with};

macro_rules! clients {
    ($($module:ident: $generation:literal over $transport:literal;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn every_form_of_a_call_is_understood() {
                run("forms.mjs", $generation, $transport, &[]);
            }

            #[test]
            fn the_modules_of_the_proof_of_concept_answer_as_they_did() {
                run("modules.mjs", $generation, $transport, &[]);
            }

            #[test]
            fn twenty_thousand_calls_at_once_are_each_answered_once() {
                let server = Program::start(&PATIENT);
                node("flood.mjs", &[&server.url, $generation, $transport, "20000"]);
            }

            #[test]
            fn a_call_right_after_connecting_is_not_lost() {
                run("first.mjs", $generation, $transport, &["20"]);
            }

            #[test]
            fn base64_subprotocols_and_queries_of_namespaces_are_understood() {
                run("faults.mjs", $generation, $transport, &[]);
            }

            #[test]
            fn a_room_is_shared_by_its_clients() {
                run("rooms.mjs", $generation, $transport, &[$generation, $transport]);
            }
        }
    )*};
}

every_client!(clients);

fn run(script: &str, generation: &str, transport: &str, more: &[&str]) {
    let server = Program::start(&[]);
    let arguments = [&[server.url.as_str(), generation, transport], more].concat();
    node(script, &arguments);
}

#[test]
fn clients_may_speak_message_pack() {
    for transport in ["websocket", "polling", "upgraded"] {
        for script in ["forms.mjs", "rooms.mjs"] {
            let server = Program::start(&["--parser", "msgpack"]);
            let arguments = [server.url.as_str(), "4", transport, "4", transport];
            node_with(&[("PARSER", "msgpack")], script, &arguments);
        }
    }
}

#[test]
fn the_path_of_the_proof_of_concept_is_the_root() {
    let server = Program::start(&[]);
    for transport in ["websocket", "polling", "upgraded"] {
        node("modules.mjs", &[&server.url, "2", transport, "/"]);
    }
}

#[test]
fn clients_of_different_generations_share_a_room() {
    let server = Program::start(&[]);
    for [ada, bob] in [
        [["2", "polling"], ["4", "websocket"]],
        [["4", "polling"], ["2", "websocket"]],
        [["3", "upgraded"], ["2", "upgraded"]],
        [["4", "upgraded"], ["3", "polling"]],
    ] {
        node("rooms.mjs", &[&server.url, ada[0], ada[1], bob[0], bob[1]]);
    }
}
