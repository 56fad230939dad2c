//! Several arguments as they are written: a value that says of itself that it is several is an array whose brackets are left
//! out, wherever it is all that a packet carries.

use serde::{Serialize, Serializer};

/// What several arguments call themselves among newtype structs.
pub(crate) const ARGUMENTS: &str = "$updraft::Args";

/// A serializer that notices whether what it writes is several arguments; in all else it is the one inside.
pub(super) struct Outermost<'a, S> {
    pub(super) inner: S,
    pub(super) are_arguments: &'a mut bool,
}

/// Methods that the inner serializer has as they are.
macro_rules! passed_on {
    ($($method:ident($($name:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<$ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )*};
}

impl<S: Serializer> Serializer for Outermost<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = S::SerializeSeq;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = S::SerializeMap;
    type SerializeStruct = S::SerializeStruct;
    type SerializeStructVariant = S::SerializeStructVariant;

    passed_on! {
        serialize_bool(v: bool) -> S::Ok;
        serialize_i8(v: i8) -> S::Ok;
        serialize_i16(v: i16) -> S::Ok;
        serialize_i32(v: i32) -> S::Ok;
        serialize_i64(v: i64) -> S::Ok;
        serialize_i128(v: i128) -> S::Ok;
        serialize_u8(v: u8) -> S::Ok;
        serialize_u16(v: u16) -> S::Ok;
        serialize_u32(v: u32) -> S::Ok;
        serialize_u64(v: u64) -> S::Ok;
        serialize_u128(v: u128) -> S::Ok;
        serialize_f32(v: f32) -> S::Ok;
        serialize_f64(v: f64) -> S::Ok;
        serialize_char(v: char) -> S::Ok;
        serialize_str(v: &str) -> S::Ok;
        serialize_bytes(v: &[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(name: &'static str) -> S::Ok;
        serialize_unit_variant(name: &'static str, number: u32, variant: &'static str) -> S::Ok;
        serialize_seq(length: Option<usize>) -> S::SerializeSeq;
        serialize_tuple(length: usize) -> S::SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) -> S::SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, number: u32, variant: &'static str, length: usize) -> S::SerializeTupleVariant;
        serialize_map(length: Option<usize>) -> S::SerializeMap;
        serialize_struct(name: &'static str, length: usize) -> S::SerializeStruct;
        serialize_struct_variant(name: &'static str, number: u32, variant: &'static str, length: usize) -> S::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        *self.are_arguments = name == ARGUMENTS;
        self.inner.serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, number, variant, value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Leaves the brackets of the array out that was written from there on; `null` is no argument at all, and what is no array
/// is one.
pub(super) fn spread(json: &mut Vec<u8>, start: usize) {
    let is_array = json[start..].starts_with(b"[") && json.ends_with(b"]");
    if is_array {
        json.pop();
        json.remove(start);
    }
    if json[start..].trim_ascii().is_empty() || (!is_array && json[start..] == *b"null") {
        json.truncate(start);
    }
}
