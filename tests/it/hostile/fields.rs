//! Calls with a field that is wrong, or too much.

use super::{
    Case, ECHO, FINE, MARKER, base64, buffer, case, echo, gzip, placeholder, quoted, text, try_all,
    with_buffers,
};

const BAD: &str = "bad_call";
const INVALID: &str = "invalid_data";
const LARGE: &str = "too_large";
const UNKNOWN: &str = "unknown_event";

#[tokio::test]
async fn names_that_are_no_events() {
    let named = |about, event: &str, expected| case(about, format!(r#"{{"event":{event}}}"#), expected);
    let cases = [
        named("null", "null", BAD),
        named("an empty name", r#""""#, BAD),
        named("a number", "7", BAD),
        named("a boolean", "true", BAD),
        named("an array", r#"["api.services.status"]"#, BAD),
        named("an object", r#"{"toString":1}"#, BAD),
        named("half a surrogate pair", r#""\ud800""#, UNKNOWN),
        named("a name that nobody has", &quoted(MARKER), UNKNOWN),
        named("a megabyte", &quoted(&"x".repeat(1_000_000)), UNKNOWN),
        named("a megabyte of dots", &quoted(&".".repeat(1_000_000)), UNKNOWN),
        named("letters of two bytes", &quoted(&"ü".repeat(300_000)), UNKNOWN),
        named(
            "control characters",
            &quoted(&format!("\0\u{1b}[2J\r\n{MARKER}")),
            UNKNOWN,
        ),
        named(
            "text from right to left",
            &quoted("\u{202e}api.services.status"),
            UNKNOWN,
        ),
        named("a module", r#""api.services""#, UNKNOWN),
        named("an empty part", r#""api..status""#, UNKNOWN),
        named("a blank behind", r#""api.services.status ""#, UNKNOWN),
        named("capitals", r#""API.SERVICES.STATUS""#, UNKNOWN),
        named("a path", r#""../../../etc/passwd""#, UNKNOWN),
        named("a prototype", r#""__proto__""#, UNKNOWN),
        named("a constructor", r#""constructor.constructor""#, UNKNOWN),
        named("a method of every object", r#""api.services.toString""#, UNKNOWN),
        named("a name with a NUL", r#""api.services.status\u0000""#, UNKNOWN),
        named(
            "a name in escapes, for comparison",
            r#""api.services.st\u0061tus""#,
            FINE,
        ),
    ];
    try_all(&cases).await;
}

#[tokio::test]
async fn fields_of_the_wrong_type() {
    let with = |about, field: &str, expected| {
        let arguments = format!(r#"{{"event":"{ECHO}",{field}}}"#);
        case(about, arguments, expected)
    };
    let said = |encoding: &str, data: &str| format!(r#""encoding":"{encoding}","data":{data}"#);
    let long = format!(r#""id":"{}""#, "x".repeat(65));
    let packed = quoted(&base64(&gzip(quoted(MARKER).as_bytes())));
    let cut = quoted(&base64(&gzip(MARKER.as_bytes())[..20]));
    let not_utf_8 = quoted(&base64(&gzip(b"\xff\xfe")));
    let mut cases = vec![
        with("a long id", &long, BAD),
        with("a number as id", r#""id":1"#, BAD),
        with("an object as id", r#""id":{}"#, BAD),
        with("text as version", &format!(r#""v":"{MARKER}""#), BAD),
        with("a negative version", r#""v":-1"#, BAD),
        with("a version and a half", r#""v":1.5"#, BAD),
        with("a version beyond all", r#""v":99999999999"#, BAD),
        with("an unknown encoding", &said("br", r#""x""#), BAD),
        with("an encoding in capitals", &said("GZIP", r#""x""#), BAD),
        with("a number as encoding", r#""encoding":1,"data":1"#, BAD),
        with("packed, and an object", &said("gzip+base64", "{}"), BAD),
        with("packed, and a number", &said("gzip+base64", "7"), BAD),
        with(
            "packed, and no base64",
            &said("gzip+base64", &quoted(MARKER)),
            BAD,
        ),
        with("packed, and no gzip", &said("gzip+base64", r#""aGVsbG8=""#), BAD),
        with("packed, and empty", &said("gzip+base64", r#""""#), BAD),
        with("packed, and cut off", &said("gzip+base64", &cut), BAD),
        with("packed, and not UTF-8", &said("gzip+base64", &not_utf_8), INVALID),
        with("a packed Buffer that is a text", &said("gzip", &packed), BAD),
        with(
            "cut off without a word of packing",
            &format!(r#""data":{cut}"#),
            FINE,
        ),
        with("a number as trace", r#""traceparent":7"#, FINE),
        with("packed, and none", r#""encoding":"gzip""#, FINE),
        with("packed, for comparison", &said("gzip+base64", &packed), FINE),
    ];
    let attached = |about, encoding, bytes: &[u8], expected| Case {
        buffers: vec![bytes.to_vec()],
        ..with(about, &said(encoding, &placeholder("0")), expected)
    };
    cases.extend([
        attached("packed as text, and a Buffer", "gzip+base64", &gzip(b"1"), BAD),
        attached("a packed Buffer of no gzip", "gzip", MARKER.as_bytes(), BAD),
        attached("a packed Buffer that is empty", "gzip", b"", BAD),
        attached(
            "a packed Buffer that is not UTF-8",
            "gzip",
            &gzip(b"\xff"),
            INVALID,
        ),
        attached("a packed Buffer, for comparison", "gzip", &gzip(b"1"), FINE),
    ]);
    try_all(&cases).await;
}

#[tokio::test]
async fn data_that_does_not_fit_its_function() {
    let join = |data: &str| format!(r#"{{"event":"api.room.join","data":{data}}}"#);
    let cases = [
        case("no data", r#"["api.room.join"]"#, INVALID),
        case("null", join("null"), INVALID),
        case("a text", join(&quoted(MARKER)), INVALID),
        case("a number", join("1"), INVALID),
        case("an empty object", join("{}"), INVALID),
        case("an empty array", join("[]"), INVALID),
        case("a field of the wrong type", join(r#"{"room":1}"#), INVALID),
        case("a field that is null", join(r#"{"room":null}"#), INVALID),
        case("a field twice", join(r#"{"room":"a","room":"b"}"#), INVALID),
        case("an empty room", join(r#"{"room":""}"#), INVALID),
        case(
            "a long room",
            join(&format!(r#"{{"room":"{}"}}"#, MARKER.repeat(9))),
            INVALID,
        ),
        case(
            "a megabyte that is no room",
            join(&quoted(&MARKER.repeat(70_000))),
            INVALID,
        ),
        with_buffers(
            "a Buffer of a text",
            join(&placeholder("0")),
            &[MARKER.as_bytes()],
            INVALID,
        ),
        with_buffers(
            "a Buffer as room",
            join(&format!(r#"{{"room":{}}}"#, placeholder("0"))),
            &[b"\xff"],
            INVALID,
        ),
        case(
            "a room that was not joined",
            r#"["api.room.say",{"room":"r","message":1}]"#,
            "forbidden",
        ),
        case(
            "a name that is a number",
            r#"{"event":"api.hello.greeting","name":1}"#,
            INVALID,
        ),
        case("a room, for comparison", join(r#"{"room":"r"}"#), FINE),
    ];
    try_all(&cases).await;
}

#[tokio::test]
async fn data_that_is_too_much() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!(r#"{}1{}"#, r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let packed = |json: &str| echo(&quoted(&base64(&gzip(json.as_bytes()))));
    let large = MARKER.repeat(100_000);
    let bytes = large.as_bytes();
    let thirds = format!("[{},{},{}]", placeholder("0"), placeholder("2"), placeholder("1"));
    let third = &bytes[..400_000];
    let large_echo = echo(&quoted(&large));
    let cases = [
        case("127 levels, for comparison", echo(&nested(126)), FINE),
        case("128 levels", echo(&nested(127)), LARGE),
        case("128 levels of objects", echo(&objects(127)), LARGE),
        case("100,000 levels", echo(&nested(100_000)), LARGE),
        case("100,000 levels of objects", echo(&objects(100_000)), LARGE),
        case("100,000 levels around no call", nested(100_000), LARGE),
        text("100,000 levels in a text", &echo(&nested(100_000)), LARGE),
        text(
            "100,000 levels that are never closed",
            &"[".repeat(100_000),
            LARGE,
        ),
        buffer(
            "100,000 levels in a Buffer",
            echo(&nested(100_000)).as_bytes(),
            LARGE,
        ),
        buffer(
            "a million levels in gzip",
            &gzip(echo(&nested(1_000_000)).as_bytes()),
            LARGE,
        ),
        case("127 levels, packed, for comparison", packed(&nested(127)), FINE),
        case("128 levels, packed", packed(&nested(128)), LARGE),
        case("a million levels, packed", packed(&objects(1_000_000)), LARGE),
        with_buffers(
            "128 levels around a Buffer",
            echo(&nested(126).replace("[]", &format!("[[{}]]", placeholder("0")))),
            &[b""],
            LARGE,
        ),
        case("more than a megabyte", large_echo.clone(), LARGE),
        text("more than a megabyte in a text", &large_echo, LARGE),
        buffer("more than a megabyte in a Buffer", large_echo.as_bytes(), LARGE),
        with_buffers(
            "more than a megabyte beside the call",
            echo(&placeholder("0")),
            &[bytes],
            LARGE,
        ),
        with_buffers(
            "more than a megabyte in three",
            echo(&thirds),
            &[third, third, third],
            LARGE,
        ),
        case(
            "more than a megabyte as the event",
            format!("[{}]", quoted(&large)),
            LARGE,
        ),
        case(
            "more than a megabyte of blanks",
            echo(&format!("{}1", " ".repeat(1 << 20))),
            LARGE,
        ),
    ];
    try_all(&cases).await;
}

#[tokio::test]
async fn data_that_looks_dangerous_and_is_not() {
    let long_number = format!("[1e400,-0,{}]", "9".repeat(1000));
    let fine = |about, data: &str| case(about, echo(data), FINE);
    let cases = [
        fine(
            "a prototype",
            &format!(r#"{{"__proto__":{{"admin":true,"a":"{MARKER}"}}}}"#),
        ),
        fine(
            "a constructor",
            r#"{"constructor":{"prototype":{"a":1}},"toString":1}"#,
        ),
        fine("a key twice", r#"{"a":1,"a":2}"#),
        fine("an empty key", r#"{"":{"":[]}}"#),
        fine("half a surrogate pair", r#""\ud800""#),
        fine("a NUL", r#""\u0000""#),
        fine("numbers that nothing holds", &long_number),
        fine("the look of an answer", r#"{"event":"x","error":null}"#),
        fine("the look of gzip", r#""H4sI""#),
        fine("100,000 empty arrays", &format!("[{}[]]", "[],".repeat(100_000))),
        fine(
            "100,000 keys",
            &format!("{{{}\"a\":1}}", "\"a\":1,".repeat(100_000)),
        ),
    ];
    try_all(&cases).await;
}
