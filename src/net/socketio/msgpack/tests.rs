use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{
        assembly::{Assembled, Limits, Whole},
        packet::{Kind, Packet, Version},
    },
    encode::encode,
};
use crate::net::engineio::packet::Malformed;

const LIMITS: Limits = Limits {
    bytes: 2000,
    buffers: 3,
};

/// Reads a packet whose arguments nest to five levels.
fn decode(message: &[u8], limits: Limits) -> Result<Assembled, Malformed> {
    super::decode::decode(message, limits, 5)
}

fn hex(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[track_caller]
fn whole(message: &[u8]) -> (String, Vec<Bytes>) {
    match decode(message, LIMITS) {
        Ok(Assembled::Whole(Whole { text, buffers })) => (text.to_string(), buffers),
        other => panic!("{other:?}"),
    }
}

/// An event for the root with these bytes as its data.
fn event(data: &[u8]) -> Vec<u8> {
    [b"\x83\xa4type\x02\xa4data", data, b"\xa3nsp\xa1/"].concat()
}

/// An event whose one argument is these bytes, as JSON.
#[track_caller]
fn argument(bytes: &[u8]) -> String {
    let (text, _) = whole(&event(&[b"\x92\xa1e", bytes].concat()));
    let argument = text
        .strip_prefix("2[\"e\",")
        .and_then(|rest| rest.strip_suffix(']'));
    argument.unwrap().to_owned()
}

/// What both versions of `notepack.io` wrote.
#[test]
fn what_clients_write_is_read_as_javascript_would_write_it_in_json() {
    let none: Vec<Bytes> = Vec::new();
    let cases = [
        (
            "85a47479706502a46461746192a56576656e7481a1619501ffcb3ff8000000000000c0c3a76f7074696f6e7381a8636f6d7072657373c3a2696407a36e7370a12f",
            r#"27["event",{"a":[1,-1,1.5,null,true]}]"#,
        ),
        (
            "83a47479706500a46461746181a5746f6b656ea178a36e7370a62f61646d696e",
            r#"0/admin,{"token":"x"}"#,
        ),
        ("83a47479706500a464617461d40000a36e7370a12f", "0"),
        ("82a47479706500a36e7370a12f", "0"),
        ("84a47479706503a269640ca46461746190a36e7370a12f", "312[]"),
        (
            "83a47479706502a4646174619ba16fd70000000174876e807bd700ffffffffffffffffd4000082a175d40000a16b01cb7ff8000000000000cf0020000000000000d3ffffff0000000000a6c3a9f09f9880cb400c000000000000cf0000000000000000a36e7370a12f",
            r#"2["o","2020-09-13T12:26:40.123Z","1969-12-31T23:59:59.999Z",null,{"k":1},null,9007199254740992,-1099511627776,"é😀",3.5,0]"#,
        ),
        (
            "83a47479706502a4646174619ba16fd7ff1d5353005f5e1000c70cff3b8b87c0ffffffffffffffffc081a16b01cb7ff8000000000000cf0020000000000000d3ffffff0000000000a6c3a9f09f9880cb400c000000000000cf0000000000000000a36e7370a12f",
            r#"2["o","2020-09-13T12:26:40.123Z","1969-12-31T23:59:59.999Z",null,{"k":1},null,9007199254740992,-1099511627776,"é😀",3.5,0]"#,
        ),
        (
            "83a47479706502a46461746194a16fd6ff5f5e1000d700ffffc77cedd32800c70cff000000000000001000000000a36e7370a12f",
            r#"2["o","2020-09-13T12:26:40.000Z","0001-01-01T00:00:00.000Z","4147-08-20T07:32:16.000Z"]"#,
        ),
    ];
    for (message, text) in cases {
        assert_eq!(whole(&hex(message)), (text.to_owned(), none.clone()));
    }
    let buffers = vec![Bytes::from_static(b"hi"), Bytes::from_static(b"\x01\x02\x03")];
    for message in [
        "83a47479706502a46461746193a162c402686981a464656570c70300010203a36e7370a12f",
        "83a47479706502a46461746193a162c402686981a464656570c403010203a36e7370a12f",
    ] {
        let text = r#"2["b",{"_placeholder":true,"num":0},{"deep":{"_placeholder":true,"num":1}}]"#;
        assert_eq!(whole(&hex(message)), (text.to_owned(), buffers.clone()));
    }
}

#[test]
fn what_json_has_no_word_for_is_decided() {
    let cases: [(&[u8], &str); 17] = [
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xd3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
        (b"\xca\x3f\x80\0\0", "1"),
        (b"\xcb\x80\0\0\0\0\0\0\0", "0"),
        (b"\xcb\x43\x40\0\0\0\0\0\0", "9007199254740992.0"),
        (b"\xcb\x7f\xf0\0\0\0\0\0\0", "null"),
        (b"\xca\xff\xc0\0\0", "null"),
        (b"\xd7\0\x7f\xff\xff\xff\xff\xff\xff\xff", "null"),
        (b"\xd7\0\xff\xff\0\0\0\0\0\0", "null"),
        (b"\xd4\x05\x01", r#"[5,{"_placeholder":true,"num":0}]"#),
        (
            b"\xd8\xffaaaaaaaaaaaaaaaa",
            r#"[-1,{"_placeholder":true,"num":0}]"#,
        ),
        (b"\xd6\0aaaa", r#"{"_placeholder":true,"num":0}"#),
        (b"\x82\x07\xc3\xff\xc2", r#"{"7":true,"-1":false}"#),
        (b"\xa3\xed\xa0\x80", "\"\u{fffd}\u{fffd}\u{fffd}\""),
        (b"\xa4\"\\\n\0", r#""\"\\\n\u0000""#),
        (b"\x82\xa1u\xd4\0\0\xa1v\xd4\0\0", "{}"),
        (b"\x92\xd4\0\x07\x80", "[null,{}]"),
    ];
    for (bytes, text) in cases {
        assert_eq!(argument(bytes), text, "{bytes:x?}");
    }
}

#[test]
fn python_says_nothing_by_null() {
    assert_eq!(whole(b"\x83\xa4type\x00\xa4data\xc0\xa3nsp\xa2/a").0, "0/a,");
    assert_eq!(
        whole(b"\x84\xa4type\x02\xa4data\x91\xa1e\xa3nsp\xa1/\xa2id\xc0").0,
        "2[\"e\"]"
    );
    assert_eq!(whole(b"\x83\xa4type\x01\xa4data\xc0\xa3nsp\xa2/a").0, "1/a,");
}

#[test]
fn what_is_no_packet_is_refused() {
    let packets: [&[u8]; 20] = [
        b"",
        b"\xc1",
        b"\x90",
        b"\x80",
        b"\x81\xa4type\x02",
        b"\x81\xa4type\x05",
        b"\x82\xa4type\x04\xa4data\x80",
        b"\x82\xa4type\xa12\xa4data\x90",
        b"\x82\xa4type\xff\xa4data\x90",
        b"\x82\xa4type\x02\xa4data\x91",
        b"\x82\xa4type\x02\xa4data\xdd\xff\xff\xff\xff",
        b"\x82\xa4type\x02\xa4data\xdf\xff\xff\xff\xff",
        b"\x82\xa4type\x02\xa4data\xc6\xff\xff\xff\xff",
        b"\x82\xa4type\x03\xa4data\x90",
        b"\x82\xa4type\x01\xa4data\x80",
        b"\x82\xa4type\x00\xa3nsp\x07",
        b"\x82\xa4type\x00\xa3nsp\xa1a",
        b"\x82\xa4type\x00\xa3nsp\xa4/a,b",
        b"\x82\xa4type\x02\xa4data\x91\x81\xc0\x01",
        b"\x81\xa4type\x00\x00",
    ];
    for packet in packets {
        assert!(decode(packet, LIMITS).is_err(), "{packet:x?}");
    }
    // Well written, and refused as the same text is.
    let (text, _) = whole(&event(b"\x91\x80"));
    assert!(Packet::decode(Version::V5, &text).is_err());
}

#[test]
fn what_is_over_a_limit_is_told_with_its_receiver_and_id() {
    let packet = |data: &[u8]| {
        [
            b"\x84\xa4type\x02\xa4data\x92\xa1e",
            data,
            b"\xa2id\x07\xa3nsp\xa2/a",
        ]
        .concat()
    };
    let too_large = Ok(Assembled::TooLarge("2/a,7[\"\"]".into()));
    let nested = |levels| [vec![0x91; levels], vec![1]].concat();
    assert_eq!(whole(&packet(&nested(5))).0, "2/a,7[\"e\",[[[[[1]]]]]]");
    assert_eq!(decode(&packet(&nested(6)), LIMITS), too_large);
    assert_eq!(decode(&packet(&nested(1_000_000)), LIMITS), too_large);
    let long = |length: u16| [b"\xda", &length.to_be_bytes()[..], &vec![b'x'; length.into()]].concat();
    assert!(matches!(
        decode(&packet(&long(1900)), LIMITS),
        Ok(Assembled::Whole(_))
    ));
    assert_eq!(decode(&packet(&long(2001)), LIMITS), too_large);
    let buffer = [&b"\xc5\x07\xd1"[..], &[0; 2001]].concat();
    assert_eq!(decode(&packet(&buffer), LIMITS), too_large);
    let four = [b"\x94".to_vec(), b"\xc4\x00".repeat(4)].concat();
    assert_eq!(decode(&packet(&four), LIMITS), too_large);
    let swollen = [&b"\xdc\x03\xe8"[..], &[0xc2; 1000]].concat();
    assert_eq!(decode(&packet(&swollen), LIMITS), too_large);
    let text = "2/a,7[\"\"]";
    assert!(matches!(
        Packet::decode(Version::V5, text).unwrap().kind,
        Kind::Event { id: Some(7), .. }
    ));
}

#[test]
fn packets_go_out_as_clients_read_them() {
    let buffers = [Bytes::from_static(b"hi")];
    let message = encode(r#"51-/a,7["b",{"num":0,"_placeholder":true},-1,1.5]"#, &buffers).unwrap();
    let expected =
        b"\x84\xa4type\x02\xa4data\x94\xa1b\xc4\x02hi\xff\xcb\x3f\xf8\0\0\0\0\0\0\xa2id\x07\xa3nsp\xa2/a";
    assert_eq!(message, expected);
    let message = encode(r#"0{"sid":"x"}"#, &[]).unwrap();
    assert_eq!(message, b"\x83\xa4type\x00\xa4data\x81\xa3sid\xa1x\xa3nsp\xa1/");
    assert_eq!(encode("1/a,", &[]).unwrap(), b"\x82\xa4type\x01\xa3nsp\xa2/a");
    let message = encode(r#"4{"message":"no"}"#, &[]).unwrap();
    assert_eq!(
        message,
        b"\x83\xa4type\x04\xa4data\x81\xa7message\xa2no\xa3nsp\xa1/"
    );
    assert!(encode("2[", &[]).is_err());
    // Without Buffers it is an object like any other.
    let placeholder = r#"2["e",{"_placeholder":true,"num":0}]"#;
    assert_eq!(whole(&encode(placeholder, &[]).unwrap()).0, placeholder);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("one that stays a float", |number| number.fract() != 0.0)
            .prop_map(Value::from),
        "[a-zü\"\\\\\n\u{0}]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,3}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

const WIDE: Limits = Limits {
    bytes: 1 << 20,
    ..LIMITS
};

proptest! {
    #[test]
    fn what_goes_out_comes_in_as_it_was(value in value(), id: Option<u64>, buffers in 0_usize..4) {
        let id = id.map_or(String::new(), |id| id.to_string());
        let placeholders: Vec<Value> = (0..buffers).map(|number| json!({"_placeholder": true, "num": number})).collect();
        let data = json!(["e", value, placeholders]);
        let kept: Vec<Bytes> = (0..buffers).map(|number| vec![7; number].into()).collect();
        let packet = if buffers == 0 { format!("2/a,{id}{data}") } else { format!("5{buffers}-/a,{id}{data}") };
        let message = encode(&packet, &kept).unwrap();
        let read = decode(&message, WIDE).unwrap();
        let expected = Whole { text: format!("2/a,{id}{data}").into(), buffers: kept };
        prop_assert_eq!(read, Assembled::Whole(expected));
    }

    /// Whatever comes in, what is made of it is JSON within its limits, or refused.
    #[test]
    fn any_bytes_are_a_packet_or_refused(data in data(), any: Vec<u8>) {
        for message in [event(&data), any] {
            let Ok(Assembled::Whole(Whole { text, buffers })) = decode(&message, LIMITS) else { continue };
            let held: usize = buffers.iter().map(Bytes::len).sum();
            prop_assert!(text.len() + held <= LIMITS.bytes + 8 && buffers.len() <= LIMITS.buffers);
            let json = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
            let json = json.strip_prefix('/').and_then(|named| named.split_once(',')).map_or(json, |(_, json)| json);
            let json = json.trim_start_matches(|letter: char| letter.is_ascii_digit());
            prop_assert!(json.is_empty() || serde_json::from_str::<Value>(json).is_ok(), "{}", text);
        }
    }
}

/// Items one behind the other, which fit together or not.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::sample::select(vec![
            &b"\x91"[..],
            b"\x92",
            b"\x81",
            b"\x82\xa1a",
            b"\xa1k",
            b"\xc0",
            b"\x07",
            b"\xff",
            b"\xc4\x02hi",
            b"\xd4\0\0",
            b"\xd7\0\0\0\x01\x74\x87\x6e\x80\x7b",
            b"\xd6\xff\0\0\0\0",
            b"\xc7\x01\x05x",
            b"\xcb\x7f\xf8\0\0\0\0\0\0",
            b"\xca\0\0\0\0",
            b"\xa2\"\xff",
            b"\xcc\xff",
            b"\xd1\xff\0",
            b"\xdc\0\x02",
            b"\xde\0\x01",
            b"\xd9\x01x",
        ])
        .prop_map(<[u8]>::to_vec),
        proptest::collection::vec(any::<u8>(), 0..3),
    ];
    proptest::collection::vec(part, 0..10).prop_map(|parts| [vec![0x92, 0xa1, b'e'], parts.concat()].concat())
}
