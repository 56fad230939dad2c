//! How far a JSON string goes on before a byte that means something: most of JSON is such text.

/// How many bytes at the front of a string's rest are neither quote, backslash nor control character.
// Into the reader's loop: a tenth of what that takes.
#[inline(always)]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<WORD>();
    for (number, word) in words.iter().take(SHORT).enumerate() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return number * WORD + special.trailing_zeros() as usize / 8;
        }
    }
    let start = words.len().min(SHORT) * WORD;
    start + plain_in_blocks(&bytes[start..])
}

/// The same, for long strings: the compiler makes a few instructions on vectors of each block.
#[inline(never)]
fn plain_in_blocks(bytes: &[u8]) -> usize {
    let is_special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let is_plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |found, byte| found | is_special(byte));
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let start = blocks.iter().take_while(is_plain).count() * BLOCK;
    let rest = &bytes[start..];
    start + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Bytes that are looked at together.
const WORD: usize = size_of::<u64>();

/// Words of a string that is short, as most are.
const SHORT: usize = 8;

/// Bytes of a long string that are looked at together.
const BLOCK: usize = 32;

/// The top bit of the first byte of the eight that ends a plain run, and of none before it. (Bytes after it may
/// have theirs set wrongly: the subtraction borrows.)
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * b' ' as u64) & !word;
    (quote | backslash | control) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_means_something_is_found_wherever_it_stands() {
        for length in 0..200 {
            let text = "aü".repeat(length);
            assert_eq!(plain(text.as_bytes()), text.len());
            for special in ["\"", "\\", "\0", "\n", "\u{1f}"] {
                let cut = [&text, special, "\"\\\n", &text].concat();
                assert_eq!(plain(cut.as_bytes()), text.len(), "{cut}");
            }
        }
    }
}
