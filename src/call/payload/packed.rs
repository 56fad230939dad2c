//! base64 and gzip, bounded while they unpack.

use std::io::Read;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use flate2::bufread::MultiGzDecoder;

/// What base64 of a gzip stream begins with: two magic bytes and the only method there is, deflate.
pub(super) const GZIP_IN_BASE64: &str = "H4sI";

/// The same in bytes.
const GZIP_HEADER: [u8; 3] = [0x1f, 0x8b, 0x08];

/// The standard alphabet; padding may be there or not, as Node's `Buffer.from(text, 'base64')` has it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why packed bytes could not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unpacking {
    /// They are not what they should be.
    Broken,
    /// They hold more than the limit.
    TooLarge,
}

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP_HEADER)
}

pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, Unpacking> {
    BASE64.decode(text).map_err(|_| Unpacking::Broken)
}

/// Unpacks a whole gzip stream of one or more members; never holds more than `limit` bytes and a buffer.
pub(super) fn from_gzip(packed: &[u8], limit: usize) -> Result<Vec<u8>, Unpacking> {
    let mut unpacked = Vec::with_capacity(announced_size(packed).min(limit).saturating_add(1));
    MultiGzDecoder::new(packed)
        .take(limit as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| Unpacking::Broken)?;
    if unpacked.len() > limit {
        return Err(Unpacking::TooLarge);
    }
    Ok(unpacked)
}

/// The size that a gzip stream says it has (its last four bytes); a hint that may be a lie.
fn announced_size(packed: &[u8]) -> usize {
    /// Deflate cannot shrink data by more than this factor.
    const MOST: usize = 1032;
    let announced = packed
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size) as usize);
    announced.min(packed.len().saturating_mul(MOST))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![b' '; 5_000_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(from_gzip(&bomb, 1000), Err(Unpacking::TooLarge));
        assert_eq!(from_gzip(&bomb, 5_000_000).unwrap().len(), 5_000_000);
    }

    #[test]
    fn a_false_size_in_the_trailer_is_only_a_hint() {
        let mut lying = gzip(b"hello");
        let at = lying.len() - 4;
        lying[at..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(announced_size(&lying) <= lying.len() * 1032);
        assert_eq!(from_gzip(&lying, 100), Err(Unpacking::Broken));
    }

    #[test]
    fn cut_off_and_trailing_bytes_are_broken() {
        let whole = gzip(b"hello");
        assert_eq!(from_gzip(&whole, 100).unwrap(), b"hello");
        assert_eq!(from_gzip(&whole[..whole.len() - 1], 100), Err(Unpacking::Broken));
        let trailing = [whole.as_slice(), b"rest"].concat();
        assert_eq!(from_gzip(&trailing, 100), Err(Unpacking::Broken));
        let two_members = [whole.as_slice(), whole.as_slice()].concat();
        assert_eq!(from_gzip(&two_members, 100).unwrap(), b"hellohello");
    }

    #[test]
    fn base64_padding_may_be_left_out() {
        assert_eq!(from_base64("aGk=").unwrap(), b"hi");
        assert_eq!(from_base64("aGk").unwrap(), b"hi");
        assert_eq!(from_base64("a*k"), Err(Unpacking::Broken));
    }
}
