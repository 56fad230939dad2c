//! How large a call may be, before and after it is unpacked.

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

/// Whether JSON text nests deeper than `limit`. Most texts have fewer brackets than that and are
/// settled by counting them.
pub(super) fn is_deeper_than(limit: usize, json: &[u8]) -> bool {
    memchr::memchr2_iter(b'[', b'{', json).nth(limit).is_some() && nesting_exceeds(limit, json)
}

fn nesting_exceeds(limit: usize, json: &[u8]) -> bool {
    let mut depth = 0;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_string(json, at + 1),
            b'[' | b'{' if depth == limit => return true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    false
}

/// The index of the quote that closes the string whose first character is at `at`.
fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while let Some(found) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at;
        }
        at += 2;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_counts_brackets_outside_strings_only() {
        let nested = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_deeper_than(127, nested(127).as_bytes()));
        assert!(is_deeper_than(127, nested(128).as_bytes()));
        let wide = format!("[{}{{}}]", "{\"a\":[]},".repeat(500));
        assert!(!is_deeper_than(3, wide.as_bytes()));
        assert!(is_deeper_than(2, wide.as_bytes()));
        let quoted = format!("[\"{}\\\"{}\\\\\"]", "[".repeat(300), "{".repeat(300));
        assert!(!is_deeper_than(1, quoted.as_bytes()));
    }
}
