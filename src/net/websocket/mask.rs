//! A client's masking undone, in place (RFC 6455, 5.3).

/// Bytes that are unmasked together.
const WORD: usize = size_of::<u64>();

/// Unmasks a payload from its first byte on.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<WORD>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn each_byte_meets_its_own_of_the_mask(payload: Vec<u8>, mask: [u8; 4]) {
            let expected: Vec<u8> = payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            let mut unmasked = payload;
            unmask(&mut unmasked, mask);
            proptest::prop_assert_eq!(unmasked, expected);
        }
    }
}
