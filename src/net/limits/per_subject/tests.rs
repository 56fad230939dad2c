use super::*;
use crate::{call::stream::streaming::StreamCounts, config::LimitsConfig};

fn shares(most: usize, rate: u32, burst: u32) -> Shares {
    let config = Config {
        limits: LimitsConfig {
            max_connections_per_subject: most,
            call_rate_per_subject: rate,
            call_burst_per_subject: burst,
            ..Default::default()
        },
        ..Config::default()
    };
    Shares::new(
        &config,
        &Arc::new(Metrics::new(None, &StreamCounts::default(), None, None)),
    )
}

fn part(shares: &Shares, subject: &str) -> Part {
    let part = Part::default();
    part.of(shares, Some(subject)).unwrap();
    part
}

#[test]
fn who_connects_anew_does_not_begin_anew() {
    let shares = shares(1, 1, 2);
    let first = part(&shares, "ada");
    assert!(Part::default().of(&shares, Some("ada")).is_err());
    assert!(first.count().is_ok() && first.count().is_ok() && first.count().is_err());
    drop(first);
    let second = part(&shares, "ada");
    assert!(second.count().is_err());
    second.of(&shares, Some("bob")).unwrap();
    assert!(second.count().is_ok(), "somebody else");
    assert!(
        Part::default().of(&shares, Some("ada")).is_ok(),
        "the place came back"
    );
}

#[test]
fn little_is_kept_of_those_who_are_gone() {
    let shares = shares(1, u32::MAX, 1);
    for number in 0..10 * FEW {
        part(&shares, &number.to_string());
    }
    let known = shares.0.known();
    assert!(known.by_subject.len() <= FEW, "{}", known.by_subject.len());
}

#[test]
fn calls_are_shared_out_among_nodes_also_where_they_are_more_than_a_burst() {
    for (burst, nodes) in [(12, 3), (2, 5), (1, 7)] {
        let shares = shares(1, 1, burst);
        let ada = part(&shares, "ada");
        shares.share_out(SubjectKey::of("ada"), nodes);
        let mut at_once = 0;
        let wait = loop {
            match ada.count() {
                Ok(()) => at_once += 1,
                Err(wait) => break wait,
            }
        };
        assert_eq!(at_once, (burst / nodes).max(1), "of {burst} at {nodes}");
        assert!(wait > Duration::ZERO, "{wait:?}");
    }
    // Over time: a client that calls as often as it may is let through.
    for burst in [1, 100] {
        let shares = shares(1, 10, burst);
        let ada = part(&shares, "ada");
        shares.share_out(SubjectKey::of("ada"), 4);
        while ada.count().is_ok() {}
        for _ in 0..2 {
            let wait = ada.count().unwrap_err();
            assert!(wait <= Duration::from_millis(400), "{wait:?}");
            std::thread::sleep(wait);
            ada.count().unwrap();
        }
        assert!(ada.count().is_err());
    }
    let shares = shares(1, 100, 1);
    let ada = part(&shares, "ada");
    shares.share_out(SubjectKey::of("ada"), 4);
    shares.set_alone(true);
    std::thread::sleep(Duration::from_millis(100));
    assert!(ada.count().is_ok(), "its own again");
}

#[tokio::test]
async fn a_socket_stays_where_all_nodes_together_have_room_for_it() {
    let shares = shares(3, 1, 1);
    let mut asks = shares.asks();
    let subject = SubjectKey::of("ada");
    let (first, second) = (part(&shares, "ada"), part(&shares, "ada"));
    assert!(first.is_unconfirmed() && second.is_unconfirmed());
    shares.answer(asks.recv().await.unwrap(), Verdict::Granted);
    shares.answer(asks.recv().await.unwrap(), Verdict::Refused);
    first.confirm().await.unwrap();
    // While the one that is refused has not gone, it is not told, and leaves no place to the next.
    assert!(shares.take_changed(9).is_empty());
    let third = part(&shares, "ada");
    assert!(third.is_unconfirmed());
    shares.answer(asks.recv().await.unwrap(), Verdict::Refused);
    for refused in [second, third] {
        let error = refused.confirm().await.unwrap_err();
        assert_eq!(error.code(), Code::RateLimited);
    }
    assert!(
        shares.take_changed(9).is_empty(),
        "what is known is not told again"
    );

    // One that goes is told, and a place that other nodes know of is taken anew without a question.
    drop(first);
    let again = part(&shares, "ada");
    assert!(!again.is_unconfirmed());
    assert!(shares.take_changed(9).is_empty());
    drop(again);
    assert!(shares.has_changed());
    assert!(shares.take_changed(9) == [(subject, 0)]);

    // One that goes before it is confirmed gives back what it asked for.
    drop(part(&shares, "ada"));
    shares.answer(asks.recv().await.unwrap(), Verdict::Granted);
    assert!(shares.take_changed(9) == [(subject, 0)]);

    // Alone, nothing is kept of those that come and go.
    shares.set_alone(true);
    drop(part(&shares, "eve"));
    assert!(!shares.has_changed());
    shares.set_alone(false);

    // Alone, none is asked; with the others again, all are told.
    shares.set_alone(true);
    let alone = part(&shares, "ada");
    assert!(!alone.is_unconfirmed());
    shares.set_alone(false);
    shares.tell_again();
    assert!(shares.take_changed(9) == [(subject, 1)]);
}

#[tokio::test]
async fn a_place_that_comes_when_nothing_is_kept_of_its_subject_is_given_back() {
    let shares = shares(1, u32::MAX, 1);
    let mut asks = shares.asks();
    drop(part(&shares, "ada"));
    let ask = asks.recv().await.unwrap();
    let ada = SubjectKey::of("ada");
    for number in 0..10 * FEW {
        part(&shares, &number.to_string());
    }
    assert!(!shares.0.known().by_subject.contains_key(&ada));
    shares.answer(ask, Verdict::Granted);
    assert!(shares.take_changed(9) == [(ada, 0)]);
}

#[tokio::test]
async fn all_that_wait_for_a_place_hear_that_there_is_none_and_it_is_counted_once() {
    let shares = shares(3, 1, 1);
    let mut asks = shares.asks();
    let part = part(&shares, "ada");
    let ask = asks.recv().await.unwrap();
    let (one, other, ()) = tokio::join!(part.confirm(), part.confirm(), async {
        shares.answer(ask, Verdict::Refused);
    });
    for refused in [one, other, part.confirm().await] {
        assert_eq!(refused.unwrap_err().code(), Code::RateLimited);
    }
    assert!(part.is_unconfirmed());
    let refused = shares.0.metrics.refusals(Limit::ConnectionsPerSubject).get();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn a_socket_that_became_its_subjects_again_is_not_closed_for_the_time_before() {
    let shares = shares(3, 1, 1);
    let mut asks = shares.asks();
    let part = part(&shares, "ada");
    let before = asks.recv().await.unwrap();
    let (confirmed, ()) = tokio::join!(part.confirm(), async {
        part.of(&shares, Some("bob")).unwrap();
        part.of(&shares, Some("ada")).unwrap();
        shares.answer(before, Verdict::Refused);
    });
    confirmed.unwrap();
    assert!(part.is_unconfirmed(), "it is asked for anew");
}

#[tokio::test]
async fn a_socket_that_became_another_subjects_is_not_closed_for_the_first() {
    let shares = shares(3, 1, 1);
    let mut asks = shares.asks();
    let part = part(&shares, "ada");
    let ask = asks.recv().await.unwrap();
    let (confirmed, ()) = tokio::join!(part.confirm(), async {
        shares.answer(ask, Verdict::Refused);
        part.of(&shares, Some("bob")).unwrap();
    });
    confirmed.unwrap();
}
