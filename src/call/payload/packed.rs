//! base64 and gzip, bounded while they unpack.

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurposeConfig, general_purpose::PAD},
};
use flate2::{Decompress, FlushDecompress, Status};

use super::limits::{Allowance, Limits};
use crate::error::{CallError, Code};

/// What base64 of a gzip stream begins with: two magic bytes and the only method there is, deflate.
pub(super) const GZIP_IN_BASE64: &str = "H4sI";

/// The same in bytes.
const GZIP_HEADER: [u8; 3] = [0x1f, 0x8b, 0x08];

/// The largest window that deflate has, as a power of two.
const WINDOW_BITS: u8 = 15;

/// Padding may be there or not, as Node's `Buffer.from(text, 'base64')` has it.
const PADDING: GeneralPurposeConfig = PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Why packed bytes could not be unpacked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unpacking {
    /// They are not what they should be.
    Broken,
    /// They hold more than the limit.
    TooLarge,
    /// They hold more than there is memory for now.
    Short(CallError),
}

/// The error of data that cannot be unpacked.
pub(super) fn refusal(error: Unpacking, what: &'static str, limits: &Limits) -> CallError {
    match error {
        Unpacking::Broken => CallError::new(
            Code::BadCall,
            format!("{what} is said to be packed, and its base64 or gzip is broken"),
        ),
        Unpacking::TooLarge => CallError::new(
            Code::TooLarge,
            format!("{what} unpacks to more than {} bytes", limits.unpacked),
        ),
        Unpacking::Short(error) => error,
    }
}

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP_HEADER)
}

/// Decodes base64 of the standard alphabet, with or without its padding.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, Unpacking> {
    base64().decode(text).map_err(|_| Unpacking::Broken)
}

/// Appends bytes to a text as base64.
pub(crate) fn append_base64(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    // Of the bytes of one call: no length that overflows.
    let length = base64::encoded_len(bytes.len(), true).unwrap_or_default();
    text.resize(start + length, 0);
    let written = base64().encode_slice(bytes, &mut text[start..]);
    debug_assert_eq!(written, Ok(length), "as long as it was said to be");
}

/// The standard alphabet, by the processor's vectors where it has such.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn base64() -> impl Engine {
    base64::engine::Simd::standard(PADDING)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn base64() -> impl Engine {
    base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PADDING)
}

/// Unpacks a whole gzip stream of one or more members; never holds more than its limit and one byte.
///
/// Inflating into the place where the bytes stay is faster than through a reader's window.
pub(super) fn from_gzip(packed: &[u8], allowance: &Allowance) -> Result<Vec<u8>, Unpacking> {
    let first = announced_size(packed).min(allowance.unpacked).saturating_add(1);
    allowance.account.take(first).map_err(Unpacking::Short)?;
    let mut unpacked = Vec::with_capacity(first);
    let mut rest = packed;
    while !rest.is_empty() {
        rest = &rest[member(rest, &mut unpacked, allowance)?..];
    }
    match packed.is_empty() {
        true => Err(Unpacking::Broken),
        false => Ok(unpacked),
    }
}

/// Unpacks the first member of a gzip stream to the end of `unpacked`; how many bytes it took.
fn member(packed: &[u8], unpacked: &mut Vec<u8>, allowance: &Allowance) -> Result<usize, Unpacking> {
    let mut inflate = Decompress::new_gzip(WINDOW_BITS);
    loop {
        let taken = inflate.total_in() as usize;
        let status = inflate
            .decompress_vec(&packed[taken..], unpacked, FlushDecompress::Finish)
            .map_err(|_| Unpacking::Broken)?;
        if unpacked.len() > allowance.unpacked {
            return Err(Unpacking::TooLarge);
        }
        match status {
            Status::StreamEnd => return Ok(inflate.total_in() as usize),
            _ if unpacked.len() < unpacked.capacity() => return Err(Unpacking::Broken),
            _ => reserve(unpacked, allowance)?,
        }
    }
}

/// Doubles the room, up to one byte more than the limit, so that one too many is seen.
fn reserve(unpacked: &mut Vec<u8>, allowance: &Allowance) -> Result<(), Unpacking> {
    const LEAST: usize = 256;
    let most = allowance.unpacked.saturating_add(1) - unpacked.len();
    let more = unpacked.len().max(LEAST).min(most);
    allowance.account.take(more).map_err(Unpacking::Short)?;
    unpacked.reserve_exact(more);
    Ok(())
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
pub(super) mod tests {
    use std::io::{Read, Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::call::memory::{Account, Budget, Holder};

    fn unpack(packed: &[u8], unpacked: usize) -> Result<Vec<u8>, Unpacking> {
        let limits = Limits {
            unpacked,
            ..Limits::default()
        };
        from_gzip(packed, &Allowance::of(limits, Account::default()))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A text as clients pack it.
    pub(in super::super) fn packed(text: &str) -> String {
        base64().encode(gzip(text.as_bytes()))
    }

    #[test]
    fn what_finds_no_memory_is_not_unpacked_and_holds_none() {
        let bomb = gzip(&[0; 1 << 20]);
        let mut lying = bomb.clone();
        let end = lying.len() - 4;
        lying[end..].copy_from_slice(&1_u32.to_le_bytes());
        for packed in [&bomb, &lying] {
            let budget = Budget::new(1 << 20, Default::default());
            let account = Account::of(&Holder::new(budget.clone()), packed.len());
            let allowance = Allowance::of(Limits::default(), account);
            assert!(matches!(from_gzip(packed, &allowance), Err(Unpacking::Short(_))));
            drop(allowance);
            assert_eq!(budget.held(), 0);
        }
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![b' '; 5_000_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(&bomb, 1000), Err(Unpacking::TooLarge));
        assert_eq!(unpack(&bomb, 5_000_000).unwrap().len(), 5_000_000);
    }

    #[test]
    fn a_false_size_in_the_trailer_is_only_a_hint() {
        let mut lying = gzip(b"hello");
        let at = lying.len() - 4;
        lying[at..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(announced_size(&lying) <= lying.len() * 1032);
        assert_eq!(unpack(&lying, 100), Err(Unpacking::Broken));
    }

    #[test]
    fn cut_off_and_trailing_bytes_are_broken() {
        let whole = gzip(b"hello");
        assert_eq!(unpack(&whole, 100).unwrap(), b"hello");
        assert_eq!(unpack(&whole[..whole.len() - 1], 100), Err(Unpacking::Broken));
        let trailing = [whole.as_slice(), b"rest"].concat();
        assert_eq!(unpack(&trailing, 100), Err(Unpacking::Broken));
        let two_members = [whole.as_slice(), whole.as_slice()].concat();
        assert_eq!(unpack(&two_members, 100).unwrap(), b"hellohello");
    }

    #[test]
    fn base64_padding_may_be_left_out() {
        assert_eq!(from_base64("aGk=").unwrap(), b"hi");
        assert_eq!(from_base64("aGk").unwrap(), b"hi");
        assert_eq!(from_base64("a*k"), Err(Unpacking::Broken));
    }

    #[test]
    fn an_announced_size_of_nothing_is_only_a_hint() {
        let two_members = [gzip(&vec![b'x'; 100_000]), gzip(b"")].concat();
        assert_eq!(announced_size(&two_members), 0);
        assert_eq!(unpack(&two_members, 100_000).unwrap().len(), 100_000);
        assert_eq!(unpack(&two_members, 99_999), Err(Unpacking::TooLarge));
    }

    /// What a reader over the same bytes says.
    fn read(packed: &[u8]) -> Option<Vec<u8>> {
        let mut unpacked = Vec::new();
        let read = flate2::bufread::MultiGzDecoder::new(packed).read_to_end(&mut unpacked);
        read.ok().map(|_| unpacked)
    }

    proptest::proptest! {
        #[test]
        fn a_stream_unpacks_as_a_reader_unpacks_it(
            members in proptest::collection::vec(proptest::collection::vec(0_u8..4, 0..2000), 1..4),
            cut in 0_usize..200,
            flipped in proptest::option::of(0_usize..200),
        ) {
            let mut packed: Vec<u8> = members.iter().flat_map(|member| gzip(member)).collect();
            packed.truncate(packed.len().saturating_sub(cut / 10));
            if let Some(byte) = flipped.and_then(|at| packed.get_mut(at)) {
                *byte ^= 1;
            }
            proptest::prop_assert_eq!(unpack(&packed, 1 << 20).ok(), read(&packed));
        }
    }
}
