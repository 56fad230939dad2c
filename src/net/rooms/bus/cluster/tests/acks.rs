//! What clients and functions ack, as Node has it and as other nodes do.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{UID, message, written};
use crate::{
    call::payload::{Arguments, Data},
    net::{
        rooms::bus::{
            adapter::LIMITS,
            cluster::{ClusterMessage, decode::decode, encode::encode},
            message::{Answer, Message},
        },
        socketio::msgpack::decode::decode_value,
    },
};

#[test]
fn an_ack_without_arguments_has_none_for_node_and_none_for_other_nodes() {
    let answered = |answer| {
        let request = "r".to_owned();
        written(&ClusterMessage::About(Message::Answer { request, answer }))
    };
    let acked = answered(Answer::Acked {
        socket: None,
        arguments: Arguments::default(),
    });
    assert_eq!(
        acked,
        r#"{"type":12,"data":{"requestId":"r"},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    let heeded = answered(Answer::Heeded(Arguments::default()));
    assert_eq!(
        heeded,
        r#"{"type":10,"data":{"requestId":"r"},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    for text in [acked, heeded] {
        let Message::Answer {
            answer: Answer::Acked { arguments, .. } | Answer::Heeded(arguments),
            ..
        } = message(decode(&text).unwrap())
        else {
            panic!("an answer");
        };
        assert_eq!(&*arguments.to_parts().0, "[]");
    }
}

#[test]
fn the_first_argument_of_an_ack_is_node_s_answer_whatever_comes_behind_it() {
    let buffer = |number: usize| json!({"_placeholder": true, "num": number});
    for (arguments, first, rest) in [
        (json!(["ok", buffer(0), {"deep": buffer(1)}]), json!("ok"), 2),
        (json!([buffer(0), "between", buffer(1)]), buffer(0), 2),
        (
            json!([{"deep": [buffer(0), buffer(1)]}]),
            json!({"deep": [buffer(0), buffer(1)]}),
            0,
        ),
        (json!([1, 2]), json!(1), 1),
    ] {
        let buffers = [Bytes::from_static(&[1]), Bytes::from_static(&[2, 3])];
        let buffers = buffers[..arguments.to_string().matches("num").count()].to_vec();
        let data = Data::several(arguments.to_string().into(), buffers.clone());
        let sent = ClusterMessage::About(Message::Answer {
            request: "r".to_owned(),
            answer: Answer::Acked {
                socket: None,
                arguments: Arguments::written(&data).unwrap(),
            },
        });
        let row = encode(UID, "/", &sent).unwrap().to_msgpack().unwrap();
        let heard = decode_value(&row, LIMITS).unwrap();
        let said: Value = serde_json::from_str(&heard.text).unwrap();
        assert_eq!(said["data"]["packet"], first, "{arguments}");
        assert_eq!(
            said["data"]["rest"].as_array().map_or(0, Vec::len),
            rest,
            "{arguments}"
        );
        assert_eq!(heard.buffers, buffers, "each is said once");
    }
}

#[test]
fn an_ack_of_null_has_an_argument() {
    let text = r#"{"uid":"n","type":12,"nsp":"/","data":{"requestId":"r","packet":null}}"#;
    let Message::Answer {
        answer: Answer::Acked { arguments, .. },
        ..
    } = message(decode(text).unwrap())
    else {
        panic!("an ack");
    };
    assert_eq!(&*arguments.to_parts().0, "[null]");
}
