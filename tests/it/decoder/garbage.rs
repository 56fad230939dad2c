//! Anything at all may arrive. Nothing of it panics, and what is refused is refused for a reason that names
//! the client's part in it.

use bytes::Bytes;
use proptest::prelude::*;
use updraft::payload::{Arrived, Limits};

use super::{Argument, base64, gzip, quoted, settle};

/// Small limits, so that they are met often.
const LIMITS: Limits = Limits {
    packed: 400,
    unpacked: 300,
    depth: 5,
};

/// Pieces of JSON and of calls, in no order.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "\"event\"",
        "\"data\"",
        "\"encoding\"",
        "\"gzip\"",
        "\"gzip+base64\"",
        "\"id\"",
        "\"v\"",
        "\"_placeholder\"",
        "\"num\"",
        "{\"_placeholder\":true,\"num\":0}",
        "{\"_placeholder\":true,\"num\":1}",
        "\"a.b\"",
        "\"\\ud800\"",
        "\"\\u0065vent\"",
        "\"H4sIAAAA\"",
        "true",
        "null",
        "0",
        "-0",
        "1e999",
        "18446744073709551616",
        "\u{feff}",
        "ü",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Calls as they should be, in most of their forms.
fn sound() -> impl Strategy<Value = Argument> {
    let json = r#"{"event":"api.a.b","data":[1,{"a":"b\n"}],"id":"x","v":1,"name":"n"}"#;
    let packed = base64(&gzip(b"[1,2,3]"));
    prop::sample::select(vec![
        Argument::text(json),
        Argument::text(r#"["api.a.b",{"a":[null,true,-1.5e3]}]"#),
        Argument::string(json),
        Argument::string(&base64(json.as_bytes())),
        Argument::string(&base64(&gzip(json.as_bytes()))),
        Argument::buffer(json.as_bytes()),
        Argument::buffer(&gzip(json.as_bytes())),
        Argument::text(format!(
            r#"{{"event":"a.b","encoding":"gzip+base64","data":"{packed}"}}"#
        )),
        Argument::text(format!(r#"["a.b","{packed}"]"#)),
        Argument {
            json: r#"{"event":"a.b","data":[{"_placeholder":true,"num":1},{"num":0,"_placeholder":true}]}"#
                .to_owned(),
            buffers: vec![vec![1, 2], vec![]],
        },
        Argument {
            json: r#"{"event":"a.b","encoding":"gzip","data":{"_placeholder":true,"num":0}}"#.to_owned(),
            buffers: vec![gzip(b"{}")],
        },
    ])
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..60)
}

fn settles(text: String, buffers: Vec<Vec<u8>>) {
    for limits in [Limits::default(), LIMITS] {
        let arrived = Arrived {
            text: text.clone().into(),
            attachments: buffers.iter().cloned().map(Bytes::from).collect(),
        };
        let _ = settle(arrived, &limits);
    }
}

fn argument_settles(argument: &Argument) {
    settles(
        format!(r#"["event",{}]"#, argument.json),
        argument.buffers.clone(),
    );
}

/// Changes, cuts, doubles or moves a piece.
fn harm(bytes: &mut Vec<u8>, (kind, at, letter): (u8, usize, u8)) {
    if bytes.is_empty() {
        return bytes.push(letter);
    }
    let at = at % bytes.len();
    match kind % 6 {
        0 => bytes[at] = letter,
        1 => bytes[at] ^= 1 << (letter % 8),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, letter),
        4 => bytes.extend_from_within(at..),
        _ => {
            bytes.remove(at);
        }
    }
}

proptest! {
    #[test]
    fn any_text(text in any::<String>(), buffers in prop::collection::vec(bytes(), 0..3)) {
        settles(text.clone(), buffers.clone());
        argument_settles(&Argument { json: text.clone(), buffers });
        argument_settles(&Argument::string(&text));
        argument_settles(&Argument::string(&base64(text.as_bytes())));
    }

    #[test]
    fn any_soup_of_json(soup in soup(), buffers in prop::collection::vec(bytes(), 0..3)) {
        settles(soup.clone(), buffers.clone());
        argument_settles(&Argument { json: soup.clone(), buffers: buffers.clone() });
        argument_settles(&Argument { json: format!(r#"{{"event":"a.b",{soup}}}"#), buffers: buffers.clone() });
        argument_settles(&Argument { json: format!(r#"["a.b",{soup}]"#), buffers });
        argument_settles(&Argument::string(&soup));
        argument_settles(&Argument::buffer(soup.as_bytes()));
        let packed = base64(&gzip(soup.as_bytes()));
        argument_settles(&Argument::string(&packed));
        argument_settles(&Argument::text(format!(r#"["a.b","{packed}"]"#)));
        argument_settles(&Argument {
            json: r#"["a.b",{"_placeholder":true,"num":0}]"#.to_owned(),
            buffers: vec![soup.into_bytes()],
        });
    }

    #[test]
    fn any_bytes_in_place_of_a_call_or_its_data(bytes in bytes()) {
        argument_settles(&Argument::buffer(&bytes));
        argument_settles(&Argument::buffer(&gzip(&bytes)));
        argument_settles(&Argument::buffer(&[&[0x1f, 0x8b, 8], bytes.as_slice()].concat()));
        argument_settles(&Argument::string(&base64(&bytes)));
        argument_settles(&Argument::string(&base64(&gzip(&bytes))));
        for encoding in ["gzip", "gzip+base64"] {
            for packed in [base64(&bytes), base64(&gzip(&bytes))] {
                argument_settles(&Argument::text(format!(
                    r#"{{"event":"a.b","encoding":"{encoding}","data":"{packed}"}}"#
                )));
            }
            for packed in [bytes.clone(), gzip(&bytes)] {
                argument_settles(&Argument {
                    json: format!(
                        r#"{{"event":"a.b","encoding":"{encoding}","data":{{"_placeholder":true,"num":0}}}}"#
                    ),
                    buffers: vec![packed],
                });
            }
        }
    }

    #[test]
    fn a_sound_call_with_a_few_things_wrong(
        mut call in sound(), harms in prop::collection::vec(any::<(u8, usize, u8)>(), 1..5),
    ) {
        for one in harms {
            match call.buffers.first_mut() {
                Some(buffer) if one.0 >= 128 => harm(buffer, one),
                _ => {
                    let mut json = call.json.into_bytes();
                    harm(&mut json, one);
                    call.json = String::from_utf8_lossy(&json).into_owned();
                }
            }
        }
        argument_settles(&call);
    }

    #[test]
    fn a_call_whose_packed_bytes_were_harmed_on_the_way(
        harms in prop::collection::vec(any::<(u8, usize, u8)>(), 1..4),
    ) {
        let mut packed = gzip(br#"{"event":"api.a.b","data":[1,2,3,4,5,6,7,8,9,10,11,12]}"#);
        harms.into_iter().for_each(|one| harm(&mut packed, one));
        argument_settles(&Argument::buffer(&packed));
        argument_settles(&Argument::string(&base64(&packed)));
        argument_settles(&Argument::text(format!(
            r#"{{"event":"a.b","encoding":"gzip+base64","data":{}}}"#, quoted(&base64(&packed))
        )));
    }
}

#[test]
fn the_sound_calls_are_sound() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&sound(), |argument| {
            prop_assert_eq!(settle(argument.arrived(), &Limits::default()), Ok(()));
            Ok(())
        })
        .unwrap();
}
