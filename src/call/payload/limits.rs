//! How large a call may be, before and after it is unpacked.

use std::ops::Deref;

use super::json::{self, Fault};
use crate::call::memory::Account;

/// Bounds on one call. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The call as it arrives, attachments included.
    pub packed: usize,
    /// The call, or its `data`, after gzip; watched while unpacking, so a bomb costs no more than this.
    pub unpacked: usize,
    /// Arrays and objects inside one another, the call's own among them; at most [`Limits::DEEPEST`].
    pub depth: usize,
}

impl Limits {
    /// The deepest nesting that the JSON parser takes.
    pub const DEEPEST: usize = 127;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packed: 1 << 20,
            unpacked: 16 << 20,
            depth: Self::DEEPEST,
        }
    }
}

/// The bounds on one call, and the account of what it unpacks to.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    limits: Limits,
    pub(super) account: Account,
}

impl Allowance {
    pub(crate) fn of(limits: Limits, account: Account) -> Self {
        Self { limits, account }
    }
}

impl Deref for Allowance {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        &self.limits
    }
}

/// Whether JSON text nests deeper than `limit`. Most texts have fewer brackets than that and are
/// settled by counting them.
pub(super) fn is_deeper_than(limit: usize, text: &[u8]) -> bool {
    memchr::memchr2_iter(b'[', b'{', text).nth(limit).is_some()
        && std::str::from_utf8(text).is_ok_and(|text| json::check(text, limit) == Err(Fault::TooDeep))
}
