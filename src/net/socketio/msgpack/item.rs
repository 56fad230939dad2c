//! One item of MessagePack: a value without parts, or the head of one that has some.

use rmp::{Marker, decode::Bytes};

use crate::net::engineio::packet::Malformed;

/// An item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// UTF-8, or not.
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Ext(i8, &'a [u8]),
    /// So many items follow.
    Array(usize),
    /// So many pairs of them follow.
    Map(usize),
}

pub(super) const MALFORMED: Malformed = Malformed("a message that is no MessagePack");

/// What JavaScript's undefined begins with: a fixext 1 of type 0, of which nothing more counts.
const UNDEFINED: [u8; 2] = [0xd4, 0];

/// Whether the next item is undefined.
pub(super) fn is_undefined(rest: &[u8]) -> bool {
    rest.starts_with(&UNDEFINED)
}

/// Takes an item off the front.
pub(super) fn item<'a>(rest: &mut &'a [u8]) -> Result<Item<'a>, Malformed> {
    let mut bytes = Bytes::new(rest);
    let item = read(&mut bytes)?;
    *rest = bytes.remaining_slice();
    Ok(item)
}

fn read<'a>(bytes: &mut Bytes<'a>) -> Result<Item<'a>, Malformed> {
    let start = *bytes;
    let marker = rmp::decode::read_marker(bytes).map_err(|_| MALFORMED)?;
    let behind = *bytes;
    // The readers want the marker, too.
    *bytes = start;
    Ok(match marker {
        Marker::Null | Marker::True | Marker::False => {
            *bytes = behind;
            match marker {
                Marker::Null => Item::Nil,
                marker => Item::Bool(marker == Marker::True),
            }
        }
        Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
            Item::Unsigned(rmp::decode::read_int(bytes).map_err(|_| MALFORMED)?)
        }
        Marker::FixNeg(_) | Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => {
            Item::Signed(rmp::decode::read_int(bytes).map_err(|_| MALFORMED)?)
        }
        Marker::F32 => Item::Float(rmp::decode::read_f32(bytes).map_err(|_| MALFORMED)?.into()),
        Marker::F64 => Item::Float(rmp::decode::read_f64(bytes).map_err(|_| MALFORMED)?),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let length = rmp::decode::read_str_len(bytes).map_err(|_| MALFORMED)?;
            Item::Text(take(bytes, length)?)
        }
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let length = rmp::decode::read_bin_len(bytes).map_err(|_| MALFORMED)?;
            Item::Binary(take(bytes, length)?)
        }
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            Item::Array(rmp::decode::read_array_len(bytes).map_err(|_| MALFORMED)? as usize)
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            Item::Map(rmp::decode::read_map_len(bytes).map_err(|_| MALFORMED)? as usize)
        }
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => {
            let ext = rmp::decode::read_ext_meta(bytes).map_err(|_| MALFORMED)?;
            Item::Ext(ext.typeid, take(bytes, ext.size)?)
        }
        Marker::Reserved => return Err(MALFORMED),
    })
}

fn take<'a>(bytes: &mut Bytes<'a>, length: u32) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes
        .remaining_slice()
        .split_at_checked(length as usize)
        .ok_or(MALFORMED)?;
    *bytes = Bytes::new(rest);
    Ok(taken)
}

/// Takes a value off the front, with all its parts and however deep they nest; its bytes.
pub(super) fn value<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let whole = *rest;
    let mut missing = 1_usize;
    while missing > 0 {
        missing -= 1;
        missing = match item(rest)? {
            Item::Array(elements) => missing.saturating_add(elements),
            Item::Map(pairs) => missing.saturating_add(pairs).saturating_add(pairs),
            _ => missing,
        };
    }
    Ok(&whole[..whole.len() - rest.len()])
}
