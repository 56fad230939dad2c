//! Answers to polls, compressed for clients that take them so, as Node does by itself. Nothing is held for it beyond the
//! answer.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header::ACCEPT_ENCODING};

/// Fewest bytes that are worth compressing, as in Node.
const THRESHOLD: usize = 1024;

/// Whether a client takes gzip (RFC 9110, 12.5.3).
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(is_gzip)
}

fn is_gzip(element: &str) -> bool {
    let (coding, weight) = element.split_once(';').unwrap_or((element, ""));
    let weight = weight
        .trim()
        .strip_prefix("q=")
        .and_then(|weight| weight.parse().ok());
    coding.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0_f32)
}

/// A body compressed, where that is worth it.
pub(super) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < THRESHOLD {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then_some(compressed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_say_whether_they_take_gzip() {
        let accepts =
            |line: &str| accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, line.parse().unwrap())]));
        for line in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, GZIP;q=0.8",
            "identity,gzip ; q=0.001",
        ] {
            assert!(accepts(line), "{line}");
        }
        for line in [
            "",
            "identity",
            "gzip;q=0",
            "gzip; q=0.000, br",
            "deflate",
            "gzippy",
        ] {
            assert!(!accepts(line), "{line}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_would_grow_or_is_short_stays_as_it_is() {
        let mut random = vec![0; 5000];
        getrandom::fill(&mut random).unwrap();
        assert_eq!(gzip(&random), None);
        assert_eq!(gzip(&[7; THRESHOLD - 1]), None);
        assert!(gzip(&[7; THRESHOLD]).is_some());
    }
}
