//! What JSON says, whatever its letters: two texts have one digest where RFC 8785 (JSON canonicalization) would write both
//! the same way. Keys stand in any order, between tokens is any white space, letters are escaped or not, and a number is
//! written in any way.
//!
//! It differs in one: numbers are compared as the decimals that they are, and not as the doubles nearest to them. An
//! integer of 64 bits and the next one are two; here they are read into types that tell them apart.

use std::{borrow::Cow, collections::BTreeMap};

use sha2::{Digest, Sha256};

use super::{
    attachments::Attachments,
    envelope::{PLACEHOLDER, text_of},
    json::{Fault, Reader},
    limits::Limits,
};

/// The digest of a value.
pub(super) type Said = [u8; 32];

/// The digest of a Buffer.
pub(super) fn buffer(bytes: &[u8]) -> Said {
    let mut sha = Sha256::new_with_prefix(b"b");
    sha.update(bytes);
    sha.finalize().into()
}

/// The digest of a text, which is that of the same text in JSON.
pub(super) fn text(text: &str) -> Said {
    let mut sha = Sha256::new();
    add(b"\"", text, &mut sha);
    sha.finalize().into()
}

/// The digest of JSON, with each Buffer in its place, whatever its number.
///
/// # Errors
/// Where it is no JSON, or not as JSON is when halves of surrogate pairs were replaced.
pub(super) fn json(text: &str, attachments: &Attachments) -> Result<Said, Fault> {
    let mut reader = Reader::new(text, Limits::DEEPEST + 1);
    let mut sha = Sha256::new();
    value(&mut reader, attachments, &mut sha)?;
    reader.end()?;
    Ok(sha.finalize().into())
}

/// Adds a part whose kind this is, so that it is distinct from what comes behind it.
fn add(kind: &[u8; 1], part: &str, sha: &mut Sha256) {
    add_halves(kind, part, "", sha);
}

/// The same of a part in two halves.
fn add_halves(kind: &[u8; 1], one: &str, other: &str, sha: &mut Sha256) {
    sha.update(kind);
    sha.update(((one.len() + other.len()) as u64).to_be_bytes());
    sha.update(one);
    sha.update(other);
}

/// Adds the value that comes next.
fn value(reader: &mut Reader<'_>, attachments: &Attachments, sha: &mut Sha256) -> Result<(), Fault> {
    match reader.peek() {
        b'{' => return object(reader, attachments, sha),
        b'[' => return array(reader, attachments, sha),
        b'"' => add(b"\"", &text_of(reader.value()?).ok_or(Fault::HalfPair)?, sha),
        b'-' | b'0'..=b'9' => number(reader.value()?, sha),
        _ => sha.update(reader.value()?),
    }
    Ok(())
}

/// Adds a number. Most are integers that end in no zero, of which nothing need be put together.
fn number(number: &str, sha: &mut Sha256) {
    let is_plain = !number.ends_with('0') && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match is_plain {
        true => add_halves(b"#", number, "e0", sha),
        false => add(b"#", &decimal(number), sha),
    }
}

fn array(reader: &mut Reader<'_>, attachments: &Attachments, sha: &mut Sha256) -> Result<(), Fault> {
    sha.update(b"[");
    let mut has_more = reader.enter()?;
    while has_more {
        value(reader, attachments, sha)?;
        has_more = reader.next()?;
    }
    sha.update(b"]");
    Ok(())
}

/// Each field by its own digest, since they are added in another order than they come in.
fn object(reader: &mut Reader<'_>, attachments: &Attachments, sha: &mut Sha256) -> Result<(), Fault> {
    let mut fields = BTreeMap::new();
    let (mut is_placeholder, mut number) = (false, None);
    let mut has_more = reader.enter()?;
    while has_more {
        let key = text_of(reader.key()?).ok_or(Fault::HalfPair)?;
        let (start, mut said) = (reader.place(), Sha256::new());
        value(reader, attachments, &mut said)?;
        match &*key {
            PLACEHOLDER => is_placeholder = reader.since(start) == "true",
            "num" => number = reader.since(start).parse().ok(),
            _ => {}
        }
        // Of a key that comes twice the last holds.
        fields.insert(key, said.finalize());
        has_more = reader.next()?;
    }
    if is_placeholder && let Some(bytes) = number.and_then(|number| attachments.get(number)) {
        sha.update(buffer(bytes));
        return Ok(());
    }
    sha.update(b"{");
    for (key, said) in fields {
        add(b"\"", &key, sha);
        sha.update(said);
    }
    sha.update(b"}");
    Ok(())
}

/// The one way to write a number: its digits without zeros around them, and the power of ten that they are to be taken
/// by. (An exponent beyond 32 bits stays as it is written.)
fn decimal(number: &str) -> Cow<'_, str> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let Ok(exponent) = exponent.parse::<i32>() else {
        return number.into();
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [integer, fraction].concat();
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return "0".into();
    }
    let zeros = (digits.len() - significant.len()) as i64;
    let power = i64::from(exponent) - fraction.len() as i64 + zeros;
    format!("{sign}{significant}e{power}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        json(text, &Attachments::default()).unwrap()
    }

    #[test]
    fn letters_do_not_matter() {
        for same in [
            &[
                r#"{"a":1,"b":[true,null]}"#,
                " { \"b\" : [true,\nnull] ,\"\\u0061\":1}",
            ][..],
            &[r#""Bj\u00f6rk \/ \ud83e\udd80""#, r#""Björk / 🦀""#],
            &["1", "1.0", "1e0", "0.1E1", "10e-1", "1.000E+00"],
            &["0", "-0", "0.0", "0e7", "-0e-3"],
            &["1200", "12e2", "1.2E3", "120.0e1"],
            &["-12", "-1.2e1", "-120E-1"],
            &[r#"{"a":1,"a":2}"#, r#"{"a":2}"#],
            &["18446744073709551617", "18446744073709551617.0"],
        ] {
            for one in same {
                assert_eq!(said(one), said(same[0]), "{one}");
            }
        }
        assert_eq!(text("\"\n"), said(r#""\"\u000a""#));
    }

    #[test]
    fn values_that_differ_do() {
        let all = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "10",
            "0.1",
            "1e400",
            "1e401",
            "[]",
            "{}",
            "\"\"",
            "\"1\"",
            "\"null\"",
            "[1]",
            "[[1]]",
            "[1,2]",
            "[2,1]",
            "[12]",
            "[[],[]]",
            "[[[]]]",
            "[\"a\",\"b\"]",
            "[\"ab\",\"\"]",
            "{\"a\":1}",
            "{\"a\":\"1\"}",
            "{\"a\":1,\"b\":1}",
            "{\"a\":{\"b\":1}}",
            "{\"b\":1}",
            "[{\"a\":1}]",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "18446744073709551617",
            "1e99999999999999999999",
            r#"{"_placeholder":true,"num":0}"#,
        ];
        let distinct: std::collections::HashSet<Said> = all.iter().map(|one| said(one)).collect();
        assert_eq!(distinct.len(), all.len());
    }
}
