//! Calls of several sizes, and how many at once.

use super::fixture::{Board, base64_of, gzip, object};

/// Answers with its data as it came.
pub(crate) const ECHO: &str = super::fixture::EVENT;

/// Answers with the length of its data's bytes.
pub(crate) const LENGTH: &str = "api.services.test.length";

/// Answers with a word.
pub(crate) const STATUS: &str = "api.services.status";

pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    /// Calls of one connection that wait for their answers at once.
    pub(crate) outstanding: usize,
    /// The call, as JSON.
    pub(crate) call: String,
    /// Calls of one round.
    pub(crate) calls: usize,
    /// The base64 of gzip in the call, where there is such.
    pub(crate) packed: Option<String>,
}

pub(crate) fn all() -> Vec<Shape> {
    let echo = |name, connections, outstanding, size: usize, calls| Shape {
        name,
        connections,
        outstanding,
        call: object(&Board::of_size(size - 56).json()),
        calls,
        packed: None,
    };
    let json = Board::of_size(256 << 10).json();
    let data = base64_of(&gzip(json.as_bytes()));
    let call = object(&json).replacen(ECHO, STATUS, 1);
    let whole = base64_of(&gzip(call.as_bytes()));
    vec![
        echo("echo 128 B, 32 x 8", 32, 8, 128, 40_000),
        echo("echo 128 B, 1 x 1", 1, 1, 128, 10_000),
        echo("echo 16 KB, 32 x 8", 32, 8, 16 << 10, 3_000),
        Shape {
            name: "data packed, 256 KB, as bytes, 4 x 2",
            connections: 4,
            outstanding: 2,
            call: object(&format!(r#""{data}""#)).replacen(ECHO, LENGTH, 1),
            calls: 300,
            packed: Some(data),
        },
        Shape {
            name: "call packed, 256 KB, 4 x 2",
            connections: 4,
            outstanding: 2,
            call: format!(r#""{whole}""#),
            calls: 300,
            packed: Some(whole),
        },
    ]
}
