//! From what arrives on the wire to a call: every form that clients send, bounded and read lazily.
//!
//! | form | example |
//! |---|---|
//! | object | `{event: "api.services.status", data: …}` |
//! | array | `["api.services.status", data]` |
//! | JSON text | `'{"event":"api.services.status","data":1}'` |
//! | base64 of gzip (or of plain) JSON text | `"H4sI…"` |
//! | Buffer of JSON text | `Buffer.from(JSON.stringify(call))` |
//! | Buffer of gzip JSON text | `gzipSync(JSON.stringify(call))` |

mod argument_list;
mod arguments;
mod arrived;
mod attachments;
mod call;
mod canonical;
mod checked;
mod data;
mod digest;
mod envelope;
pub(crate) mod json;
mod limits;
mod misfit;
mod name;
mod output;
mod packed;
mod plain;
mod surrogates;
mod typed;
mod written_name;

pub use self::{
    argument_list::Arguments,
    arrived::Arrived,
    call::{Call, EMPTY_EVENT, MAX_ID},
    data::Data,
    limits::Limits,
    name::Name,
};
pub(crate) use self::{
    arguments::ARGUMENTS,
    envelope::text_of,
    json::Reader,
    limits::Allowance,
    output::{Buffer, write},
    packed::{append_base64, from_base64},
    surrogates::whole,
    typed::from_value,
    written_name::{WrittenName, number_as_text},
};
