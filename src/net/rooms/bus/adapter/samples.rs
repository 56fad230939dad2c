//! What tests of messages are made of.

use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use crate::call::{payload::WrittenName, target::Target};

/// What some digits say.
pub(in crate::net::rooms::bus) fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// Any JSON that stays what it is as MessagePack.
pub(in crate::net::rooms::bus) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|half| Value::from(f64::from(half) + 0.5)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec(("[a-z\\PC]{0,8}", inner), 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Any name of an event.
pub(in crate::net::rooms::bus) fn any_name() -> impl Strategy<Value = WrittenName> {
    prop_oneof![
        "\\PC{1,40}".prop_map(|name| WrittenName::Text(name.into())),
        any::<i32>().prop_map(|number| WrittenName::Number(number.to_string().into())),
        any::<i32>().prop_map(|half| WrittenName::Number((f64::from(half) + 0.5).to_string().into())),
    ]
}

prop_compose! {
    /// Any sockets.
    pub(in crate::net::rooms::bus) fn any_target()(
        rooms in vec(any::<String>(), 0..4), except in vec(any::<String>(), 0..3), is_volatile: bool,
    ) -> Target {
        let target = rooms.into_iter().fold(Target::all(), Target::and);
        let target = except.into_iter().fold(target, Target::except);
        if is_volatile { target.volatile() } else { target }
    }
}
