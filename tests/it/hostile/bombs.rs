//! Little that unpacks to much: it costs the limit and no more, however it is wrapped, and however many come
//! at once.

use super::{
    Attacker, ECHO, MARKER, Victim, base64, buffer, case, echo, gzip, keeps_it_to_itself, placeholder,
    quoted, text, with_buffers,
};

/// What all bombs together may cost: on each of the server's threads one call at a time is unpacked, up to its limit;
/// up to twice as much the allocator holds of calls before, and while the room of one grows.
const BEARABLE: usize = super::victim::THREADS * 3 * UNPACKED;

/// The largest that a call may be once it is unpacked.
const UNPACKED: usize = 16 * MEGABYTE;

/// A single one holds more than all may cost.
const HELD: usize = 100 * MEGABYTE;
const _: () = assert!(BEARABLE < HELD);

const MEGABYTE: usize = 1 << 20;

/// A hundred megabytes in a hundred kilobytes. Gzip may have many members, one after another, which is
/// faster to make than one of that size.
fn bomb(letter: u8) -> Vec<u8> {
    let member = gzip(&vec![letter; MEGABYTE]);
    assert!(member.len() < 1200, "{}", member.len());
    member.repeat(HELD / MEGABYTE)
}

/// The same in one member.
fn whole_bomb() -> Vec<u8> {
    gzip(&vec![0; HELD])
}

/// Every way to send a bomb.
fn bombs() -> Vec<super::Case> {
    const LARGE: &str = "too_large";
    const BAD: &str = "bad_call";
    let (zeros, blanks) = (bomb(0), bomb(b' '));
    let whole = whole_bomb();
    let said = |encoding: &str, data: &str| {
        format!(r#"{{"event":"{ECHO}","name":"{MARKER}","encoding":"{encoding}","data":{data}}}"#)
    };
    let in_base64 = quoted(&base64(&zeros));
    let twice = gzip(&zeros);
    let inside = said("gzip+base64", &quoted(&base64(&zeros)));
    vec![
        buffer("a Buffer", &zeros, LARGE),
        buffer("a Buffer of blanks, which JSON may have", &blanks, LARGE),
        buffer("a Buffer that is one gzip member", &whole, LARGE),
        text("base64", &base64(&zeros), LARGE),
        text("base64 of blanks", &base64(&blanks), LARGE),
        text("base64 of one gzip member", &base64(&whole), LARGE),
        case("data that looks packed", echo(&in_base64), LARGE),
        case(
            "data that is said to be packed",
            said("gzip+base64", &in_base64),
            LARGE,
        ),
        case("data in an array", format!(r#"["{ECHO}",{in_base64}]"#), LARGE),
        with_buffers(
            "data in a Buffer",
            said("gzip", &placeholder("0")),
            &[&zeros],
            LARGE,
        ),
        buffer("a bomb in a bomb", &twice, BAD),
        text("a bomb in a bomb, in base64", &base64(&twice), BAD),
        with_buffers(
            "data that is a bomb in a bomb",
            said("gzip", &placeholder("0")),
            &[&twice],
            "invalid_data",
        ),
        buffer(
            "a packed call with a bomb inside",
            &gzip(inside.as_bytes()),
            LARGE,
        ),
        text(
            "a packed call with a bomb inside, in base64",
            &base64(&gzip(inside.as_bytes())),
            LARGE,
        ),
        buffer(
            "a packed call of blanks, as large as it may be",
            &gzip(&vec![b' '; UNPACKED]),
            BAD,
        ),
        buffer(
            "a bomb with a wrong length",
            &[&zeros[..], &[0xff; 4]].concat(),
            LARGE,
        ),
        buffer("a bomb that is cut off", &zeros[..zeros.len() / 2], LARGE),
    ]
}

#[tokio::test]
async fn a_bomb_costs_no_more_than_the_limit() {
    let bombs = bombs();
    let server = Victim::start(&[]);
    let mut attacker = Attacker::connect(&server).await;
    attacker
        .try_out(&case("warm up", super::STATUS, super::FINE))
        .await;
    let before = server.peak_memory();
    let mut wrong = Vec::new();
    for bomb in &bombs {
        let said = attacker.try_out(bomb).await;
        if said != bomb.expected {
            wrong.push(format!("{}: {said}, not {}", bomb.about, bomb.expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < BEARABLE, "{grown} bytes");
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn bombs_of_many_at_once_cost_no_more_than_a_few() {
    let bombs = std::sync::Arc::new(bombs());
    let server = Victim::start(&[]);
    let mut attackers = Vec::new();
    for _ in 0..8 {
        attackers.push(Attacker::connect(&server).await);
    }
    let before = server.peak_memory();
    let thrown = attackers.into_iter().enumerate().map(|(number, mut attacker)| {
        let bombs = bombs.clone();
        tokio::spawn(async move {
            for bomb in bombs.iter().cycle().skip(number * 2).take(4) {
                let said = attacker.try_out(bomb).await;
                assert_eq!(said, bomb.expected, "{}", bomb.about);
            }
        })
    });
    for one in thrown.collect::<Vec<_>>() {
        one.await.expect("all are refused");
    }
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < BEARABLE, "{grown} bytes");
    keeps_it_to_itself(server);
}
