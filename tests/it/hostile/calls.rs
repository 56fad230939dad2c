//! Arguments that are no calls.

use super::{
    Case, FINE, MARKER, STATUS, base64, buffer, case, echo, gzip, placeholder, text, try_all, with_buffers,
};

const BAD: &str = "bad_call";

#[tokio::test]
async fn arguments_that_are_no_calls() {
    let marked = echo(&format!(r#""{MARKER}""#));
    let mut cases = vec![
        case("no argument", "", BAD),
        case("two arguments", format!(r#"{marked},"{MARKER}""#), BAD),
        case("a null behind the call", format!("{marked},null"), BAD),
        case("two calls", format!("{marked},{marked}"), BAD),
        case("null", "null", BAD),
        case("a number", "42", BAD),
        case("a large number", "-1.5e300", BAD),
        case("true", "true", BAD),
        case("false", "false", BAD),
        case("an empty object", "{}", BAD),
        case("an empty array", "[]", BAD),
        case("an array of three", format!(r#"["{MARKER}",1,2]"#), BAD),
        case("an array in an array", format!(r#"[["{MARKER}"]]"#), BAD),
        case("an array whose event is a number", "[1,2]", BAD),
        case("an array of null", "[null]", BAD),
        case("an object of other fields", format!(r#"{{"{MARKER}":1}}"#), BAD),
        case("a status, for comparison", STATUS, FINE),
    ];
    cases.extend(texts(&marked));
    cases.extend(base64_texts(&marked));
    cases.extend(buffers(&marked));
    cases.extend(attachments());
    try_all(&cases).await;
}

fn texts(marked: &str) -> Vec<Case> {
    let cut = &marked[..marked.len() - 1];
    vec![
        text("an empty text", "", BAD),
        text("blanks", " \n", BAD),
        text("a text that is no JSON", MARKER, BAD),
        text("an event's bare name", "api.services.status", BAD),
        text("JSON that is cut off", cut, BAD),
        text("JSON and more", &format!("{marked}{marked}"), BAD),
        text("JSON and a NUL", &format!("{marked}\0"), BAD),
        text("JSON behind a byte order mark", &format!("\u{feff}{marked}"), BAD),
        text("JSON in JSON", &super::quoted(marked), BAD),
        text("a comma too many", &format!("{cut},}}"), BAD),
        text("single quotes", &marked.replace('"', "'"), BAD),
        text("keys without quotes", "{event:1}", BAD),
        text("NaN", &echo("NaN"), BAD),
        text("a number with a leading zero", &echo("01"), BAD),
        text("a comment", &format!("/* {MARKER} */{marked}"), BAD),
        text("one bracket", "[", BAD),
        text("a raw line break in a string", &echo("\"\n\""), BAD),
        text(
            "half a surrogate pair in a key",
            &format!(r#"{{"\ud800":1,{}"#, &marked[1..]),
            FINE,
        ),
        text("a placeholder in a text", &placeholder("0"), BAD),
        text("JSON that is sound, for comparison", marked, FINE),
    ]
}

fn base64_texts(marked: &str) -> Vec<Case> {
    let packed = gzip(marked.as_bytes());
    let cut = &packed[..packed.len() - 9];
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let of = |bytes: &[u8]| base64(bytes);
    vec![
        text("base64 of no JSON", &of(MARKER.as_bytes()), BAD),
        text("base64 of broken JSON", &of(&marked.as_bytes()[1..]), BAD),
        text("base64 of what is not UTF-8", &of(b"\xff\xfe{}"), BAD),
        text("base64 of base64", &of(of(marked.as_bytes()).as_bytes()), BAD),
        text("base64 with letters that it lacks", "eyJl*g==", BAD),
        text("base64 as URLs have it", "_-_-_-_-", BAD),
        text("base64 of one letter", "A", BAD),
        text("padding alone", "====", BAD),
        text("padding too much", &format!("{}====", of(marked.as_bytes())), BAD),
        text(
            "base64 with line breaks",
            &format!("{}\n{}", of(&packed), of(&packed)),
            BAD,
        ),
        text("gzip in base64, cut off", &of(cut), BAD),
        text("gzip in base64 with a wrong checksum", &of(&wrong_sum), BAD),
        text("the header of gzip in base64", "H4sI", BAD),
        text("gzip in base64 of garbage", &of(&gzip(&[0xff; 500])), BAD),
        text("gzip in base64 of nothing", &of(&gzip(b"")), BAD),
        text("gzip in base64 of gzip", &of(&gzip(&packed)), BAD),
        text("gzip in base64 of a text", &of(&gzip(MARKER.as_bytes())), BAD),
        text("gzip in base64 that is sound, for comparison", &of(&packed), FINE),
    ]
}

fn buffers(marked: &str) -> Vec<Case> {
    let packed = gzip(marked.as_bytes());
    let marked = marked.as_bytes();
    let random: Vec<u8> = (0..1000_u32).map(|number| ((number * 7919) >> 3) as u8).collect();
    let and = |more: &[u8]| [packed.as_slice(), more].concat();
    vec![
        buffer("an empty Buffer", b"", BAD),
        buffer("a Buffer of a text", MARKER.as_bytes(), BAD),
        buffer("a Buffer that is not UTF-8", b"{\"event\":\"\xff\xfe\"}", BAD),
        buffer(
            "a Buffer behind a byte order mark",
            &[b"\xef\xbb\xbf", marked].concat(),
            BAD,
        ),
        buffer("a Buffer in UTF-16", b"{\0\"\0e\0", BAD),
        buffer("a Buffer of JSON and a NUL", &[marked, b"\0"].concat(), BAD),
        buffer(
            "a Buffer of JSON that is cut off",
            &marked[..marked.len() / 2],
            BAD,
        ),
        buffer("a Buffer of base64", base64(marked).as_bytes(), BAD),
        buffer("a Buffer of random bytes", &random, BAD),
        buffer("a Buffer of null", b"null", BAD),
        buffer("a Buffer of a JSON string", b"\"api.services.status\"", BAD),
        buffer("gzip that is cut off", &packed[..packed.len() - 1], BAD),
        buffer("gzip's header and no more", &packed[..10], BAD),
        buffer("three bytes of gzip's header", &packed[..3], BAD),
        buffer(
            "gzip with garbage inside",
            &[&packed[..10], &random].concat(),
            BAD,
        ),
        buffer("gzip and more", &and(MARKER.as_bytes()), BAD),
        buffer("gzip and half of another", &and(&packed[..20]), BAD),
        buffer("gzip twice", &and(&packed), BAD),
        buffer("gzip of gzip", &gzip(&packed), BAD),
        buffer("gzip of what is not UTF-8", &gzip(&random), BAD),
        buffer("gzip of nothing", &gzip(b""), BAD),
        buffer("gzip that is sound, for comparison", &packed, FINE),
    ]
}

fn attachments() -> Vec<Case> {
    let of = |number: &str| echo(&format!("[{}]", placeholder(number)));
    let bytes = MARKER.as_bytes();
    let one = |about, arguments: String| with_buffers(about, arguments, &[bytes], BAD);
    let two = |about, arguments: String| with_buffers(about, arguments, &[bytes, b"2"], BAD);
    let both = format!("{},{}", placeholder("0"), placeholder("1"));
    vec![
        one("a number that no Buffer has", of("1")),
        one("a large number", of("18446744073709551615")),
        one("a number beyond all", of("1e300")),
        one("a negative number", of("-1")),
        one("a number with a fraction", of("0.0")),
        one("a number as text", of(r#""0""#)),
        one("null as a number", of("null")),
        one(
            "a placeholder without a number",
            echo(r#"[{"_placeholder":true}]"#),
        ),
        one("a Buffer that nobody refers to", echo("1")),
        one(
            "a Buffer that a false placeholder refers to",
            echo(r#"{"_placeholder":1,"num":0}"#),
        ),
        one("a call that is a Buffer which is missing", placeholder("1")),
        one(
            "a call that is a Buffer without a number",
            r#"{"_placeholder":true}"#.to_owned(),
        ),
        one(
            "a Buffer in the place of the event",
            format!("[{}]", placeholder("0")),
        ),
        one("a Buffer beside no call", "null".to_owned()),
        two("one Buffer of two", of("0")),
        two("a Buffer twice", echo(&format!("[{0},{0}]", placeholder("0")))),
        two("two Buffers as two arguments", both.clone()),
        two("a call that is a Buffer, and another", placeholder("0")),
        case("a call that is a Buffer, and none came", placeholder("0"), BAD),
        case("a placeholder where no Buffers are is an object", of("0"), FINE),
        with_buffers(
            "two Buffers, for comparison",
            echo(&format!("[{both}]")),
            &[bytes, b""],
            FINE,
        ),
    ]
}
