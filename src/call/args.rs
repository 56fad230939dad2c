//! Several arguments: of an event that comes in, of one that goes out, of an ack in either direction.

use serde::{Serialize, Serializer, de::DeserializeOwned};

use super::payload::{ARGUMENTS, Arguments, Data};
use crate::error::Result;

/// Several arguments: taken by a function, returned by one (the ack has them then), emitted, or acked by a client
/// ([`FromAck`]).
///
/// As an argument it is a tuple of up to eight types, each of which takes one argument of the event, `Vec<T>` for all of them, or
/// [`Data`] for all of them as they came. Missing ones fit `Option`; further ones are passed over, as in Node. A Buffer is
/// [`Bytes`](bytes::Bytes), or stands anywhere inside [`Data`]. A call by `event` has one argument, its data.
///
/// On its way out it is a tuple, an array or a `Vec`; `Args(())` is no argument at all. A bare tuple would be *one* argument, an
/// array. Inside other data it is an array like any other.
///
/// ```
/// use bytes::Bytes;
/// use updraft::{Args, Context, Namespace, Result};
///
/// async fn draw(Args((room, shape, iv)): Args<(String, Bytes, Option<Bytes>)>, cx: Context) -> Result<()> {
///     cx.to(&room).emit("client-draw", &Args((shape, iv))).await
/// }
///
/// async fn rename(name: String) -> Args<(bool, usize)> {
///     Args((true, name.len()))                    // socket.emit("rename", "Ada", (done, length) => …)
/// }
/// let namespace = Namespace::new("/").on("draw", draw).on("rename", rename);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Args<T>(pub T);

impl<T: Serialize> Serialize for Args<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(ARGUMENTS, &self.0)
    }
}

/// What a client's ack can be taken as: any type that serde reads takes the first of its arguments ([`Bytes`](bytes::Bytes) a
/// Buffer), [`Data`] takes it as it came, and [`Args`] takes several.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use updraft::{Args, Context, Result};
///
/// async fn key_of(cx: Context) -> Result<Bytes> {
///     // socket.on("key?", (room, ack) => ack("aes", new Uint8Array([1, 2, 3])));
///     let Args((_algorithm, key)): Args<(String, Bytes)> =
///         cx.emit_with_ack("key?", "room", Duration::from_secs(5)).await?;
///     Ok(key)
/// }
/// # let _ = updraft::Module::new("keys").on("of", key_of);
/// ```
#[diagnostic::on_unimplemented(
    message = "a client's ack cannot be taken as `{Self}`",
    note = "it is a type that serde reads, `Data`, or `Args` of a tuple of up to eight types, of `Vec<T>` or of `Data`"
)]
pub trait FromAck: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// [`Code::InvalidData`](crate::Code::InvalidData) with the place that does not fit, and what was expected there.
    fn from_ack(ack: &Arguments) -> Result<Self>;
}

impl<T: DeserializeOwned> FromAck for T {
    fn from_ack(ack: &Arguments) -> Result<Self> {
        ack.first("ack")
    }
}

impl FromAck for Data {
    fn from_ack(ack: &Arguments) -> Result<Self> {
        Self::from_argument(ack.iter().next(), ack, 0)
    }
}

impl<T: FromArguments> FromAck for Args<T> {
    fn from_ack(ack: &Arguments) -> Result<Self> {
        T::from_arguments(ack).map(Self)
    }
}

/// What all arguments of an event can be taken as: see [`Args`].
#[diagnostic::on_unimplemented(
    message = "the arguments of an event cannot be taken as `{Self}`",
    note = "`Args` takes a tuple of up to eight types, `Vec<T>`, or `Data`"
)]
pub trait FromArguments: Sized {
    /// Takes them.
    ///
    /// # Errors
    /// [`Code::InvalidData`](crate::Code::InvalidData) with the place of the one that does not fit, and what was expected there.
    fn from_arguments(arguments: &Arguments) -> Result<Self>;
}

/// What one argument of an event can be taken as: any type that serde reads, or [`Data`].
pub trait FromArgument: Sized {
    /// Takes the argument of this number, from 0 on, as it is written; nothing, where it is missing.
    ///
    /// # Errors
    /// As [`FromArguments::from_arguments`].
    fn from_argument(json: Option<&str>, arguments: &Arguments, number: usize) -> Result<Self>;
}

impl<T: DeserializeOwned> FromArgument for T {
    fn from_argument(json: Option<&str>, arguments: &Arguments, number: usize) -> Result<Self> {
        arguments.read(json, number)
    }
}

impl FromArgument for Data {
    fn from_argument(json: Option<&str>, arguments: &Arguments, _: usize) -> Result<Self> {
        Ok(json.map_or_else(Self::default, |json| arguments.one(json)))
    }
}

impl FromArguments for Data {
    fn from_arguments(arguments: &Arguments) -> Result<Self> {
        arguments.to_data()
    }
}

impl<T: FromArgument> FromArguments for Vec<T> {
    fn from_arguments(arguments: &Arguments) -> Result<Self> {
        let numbered = arguments.iter().enumerate();
        numbered
            .map(|(number, json)| T::from_argument(Some(json), arguments, number))
            .collect()
    }
}

macro_rules! tuple_of {
    ($($argument:ident $number:literal),+) => {
        impl<$($argument: FromArgument),+> FromArguments for ($($argument,)+) {
            fn from_arguments(arguments: &Arguments) -> Result<Self> {
                let mut each = arguments.iter();
                Ok(($($argument::from_argument(each.next(), arguments, $number)?,)+))
            }
        }
    };
}

tuple_of!(A 0);
tuple_of!(A 0, B 1);
tuple_of!(A 0, B 1, C 2);
tuple_of!(A 0, B 1, C 2, D 3);
tuple_of!(A 0, B 1, C 2, D 3, E 4);
tuple_of!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
