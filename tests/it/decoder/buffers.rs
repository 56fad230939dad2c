//! Buffers anywhere inside JSON, their placeholders in any order and spelling: each one arrives in its place.

use std::fmt;

use bytes::Bytes;
use proptest::prelude::*;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

use super::{
    Argument,
    json::{Style, number, style, text},
};

/// JSON with Buffers in it.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Buffer(Vec<u8>),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Buffer(value) => serializer.serialize_bytes(value),
            Self::Array(value) => serializer.collect_seq(value),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TreeVisitor;
        impl<'de> Visitor<'de> for TreeVisitor {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON or a Buffer")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Number(Number::from_f64(value).unwrap()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Tree, E> {
                Ok(Tree::Buffer(value.to_vec()))
            }

            fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Tree, E> {
                Ok(Tree::Buffer(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
                let mut array = Vec::new();
                while let Some(element) = elements.next_element()? {
                    array.push(element);
                }
                Ok(Tree::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
                let mut object = Vec::new();
                while let Some(field) = fields.next_entry()? {
                    object.push(field);
                }
                Ok(Tree::Object(object))
            }
        }
        deserializer.deserialize_any(TreeVisitor)
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        number().prop_map(Tree::Number),
        text().prop_map(Tree::Text),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Tree::Buffer),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Tree::Buffer),
    ];
    leaf.prop_recursive(5, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|fields| Tree::Object(fields.into_iter().collect())),
        ]
    })
}

/// How placeholders are spelled.
const PLACEHOLDERS: [&str; 4] = [
    r#"{"_placeholder":true,"num":N}"#,
    r#"{"num":N,"_placeholder":true}"#,
    r#"{ "num" : N , "more" : [ ] , "_placeholder" : true }"#,
    r#"{"\u005fplaceholder":true,"n\u0075m":N}"#,
];

/// Writes a tree; the Buffers get the numbers of `order` one after another.
struct Writer<'a> {
    style: Style,
    spelling: usize,
    order: &'a [usize],
    written: usize,
    buffers: Vec<Vec<u8>>,
}

impl Writer<'_> {
    fn write(&mut self, tree: &Tree) -> String {
        match tree {
            Tree::Buffer(bytes) => {
                let number = self.order[self.written];
                self.buffers[number].clone_from(bytes);
                self.written += 1;
                let spelling = PLACEHOLDERS[(self.spelling + self.written) % PLACEHOLDERS.len()];
                spelling.replace('N', &number.to_string())
            }
            Tree::Array(elements) => {
                let elements: Vec<String> = elements.iter().map(|one| self.write(one)).collect();
                self.style.array(&elements)
            }
            Tree::Object(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), self.write(value)))
                    .collect();
                self.style.object(&fields)
            }
            Tree::Text(text) => self.style.string(text),
            plain => serde_json::to_string(plain).unwrap(),
        }
    }
}

fn buffers_in(tree: &Tree) -> usize {
    match tree {
        Tree::Buffer(_) => 1,
        Tree::Array(elements) => elements.iter().map(buffers_in).sum(),
        Tree::Object(fields) => fields.iter().map(|(_, value)| buffers_in(value)).sum(),
        _ => 0,
    }
}

/// A tree and an order for the numbers of its Buffers.
fn ordered_tree() -> impl Strategy<Value = (Tree, Vec<usize>)> {
    tree().prop_flat_map(|tree| {
        let numbers: Vec<usize> = (0..buffers_in(&tree)).collect();
        (Just(tree), Just(numbers).prop_shuffle())
    })
}

fn argument(tree: &Tree, order: &[usize], style: Style, spelling: usize, in_array: bool) -> Argument {
    let mut writer = Writer {
        style,
        spelling,
        order,
        written: 0,
        buffers: vec![Vec::new(); order.len()],
    };
    let data = writer.write(tree);
    let json = match in_array {
        true => format!(r#"["api.a.b",{data}]"#),
        false => format!(r#"{{"data":{data},"event":"api.a.b"}}"#),
    };
    Argument {
        json,
        buffers: writer.buffers,
    }
}

proptest! {
    #[test]
    fn buffers_arrive_in_their_places(
        (tree, order) in ordered_tree(), style in style(), spelling in 0_usize..4, in_array in any::<bool>(),
    ) {
        let call = argument(&tree, &order, style, spelling, in_array).decode().unwrap();
        let data = call.data().unwrap();
        match &tree {
            // Alone it is a Buffer, whatever text it holds.
            Tree::Buffer(bytes) => prop_assert_eq!(data.bytes().unwrap(), bytes),
            _ => {
                prop_assert_eq!(call.json::<Tree>().unwrap(), tree.clone());
                prop_assert_eq!(data.json::<Tree>().unwrap(), tree.clone());
                prop_assert_eq!(updraft::Data::new(&data).unwrap().json::<Tree>().unwrap(), tree.clone());
                prop_assert_eq!(updraft::Data::new(&tree).unwrap().json::<Tree>().unwrap(), tree);
            }
        }
    }

    #[test]
    fn a_field_finds_its_buffer_whatever_the_type_skips(
        buffers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 5),
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
        places in Just(vec!["a", "b", "c", "d", "e"]).prop_shuffle(),
        spelling in 0_usize..4,
    ) {
        #[derive(Deserialize)]
        struct Wanted {
            b: Bytes,
            d: serde_bytes::ByteBuf,
        }
        let fields = places.iter().zip(&buffers);
        let tree = Tree::Object(
            fields.clone().map(|(name, bytes)| ((*name).to_owned(), Tree::Buffer(bytes.clone()))).collect(),
        );
        let of = |wanted: &str| fields.clone().find(|(name, _)| **name == wanted).unwrap().1;
        let call = argument(&tree, &order, Style::Compact, spelling, false).decode().unwrap();
        let wanted = call.json::<Wanted>().unwrap();
        prop_assert_eq!(&wanted.b, of("b"));
        prop_assert_eq!(wanted.d.as_ref(), of("d").as_slice());
    }

    #[test]
    fn each_attachment_has_one_place_and_each_place_its_attachment(
        count in 1_usize..6, places in prop::collection::vec(0_u64..6, 0..6),
    ) {
        let written: Vec<String> = places
            .iter()
            .map(|number| format!(r#"[{{"_placeholder":true,"num":{number}}}]"#))
            .collect();
        let argument = Argument {
            json: format!(r#"{{"event":"a.b","data":[{}]}}"#, written.join(",")),
            buffers: vec![vec![7]; count],
        };
        let mut sorted = places;
        sorted.sort_unstable();
        let fits = sorted == (0..count as u64).collect::<Vec<_>>();
        prop_assert_eq!(argument.decode().is_ok(), fits);
    }
}

#[test]
fn a_field_beside_data_may_be_a_buffer_too() {
    let argument = Argument {
        json: r#"{"event":"a.b","file":{"_placeholder":true,"num":1},"data":{"_placeholder":true,"num":0}}"#
            .to_owned(),
        buffers: vec![b"data".to_vec(), b"file".to_vec()],
    };
    let call = argument.decode().unwrap();
    assert_eq!(call.field::<Bytes>("file").unwrap().unwrap(), "file");
    assert_eq!(call.bytes().unwrap(), "data");
}

#[test]
fn what_only_looks_like_a_placeholder_is_an_object() {
    for look in [
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":false,"num":0}"#,
        r#"{"_placeholder":"true"}"#,
    ] {
        let call = Argument::text(format!(r#"["a.b",{look}]"#)).decode().unwrap();
        let data = call.data().unwrap();
        assert_eq!(serde_json::to_string(&data).unwrap(), look);
    }
}
