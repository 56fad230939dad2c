//! A certificate that takes the place of another while the server runs.

use std::io::{BufRead, BufReader};

use super::{Pair, Secure, is_live, spoil};
use crate::support::{Program, within_patience};

/// Until a client that believes this one alone is served.
async fn until_live(server: &Program, pair: &Pair) {
    within_patience("the new certificate", async {
        while !is_live(server, pair).await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_certificate_is_read_at_sighup_and_who_is_connected_stays() {
    let (pair, new) = (Pair::new(), Pair::new());
    let server = pair.serve(&[]);
    let mut stays = Secure::open(&server, &pair).await.unwrap();
    assert!(stays.is_live().await);
    new.take_the_place_of(&pair);
    assert!(is_live(&server, &pair).await, "not before it is signalled");
    server.signal("HUP");
    until_live(&server, &new).await;
    assert!(
        !is_live(&server, &pair).await,
        "the old one is not shown any more"
    );
    assert!(stays.is_live().await);
}

#[tokio::test]
async fn what_is_broken_is_refused_and_the_one_from_before_goes_on() {
    let (pair, new) = (Pair::new(), Pair::new());
    let mut server = pair.serve(&[]);
    let mut log = BufReader::new(server.stderr()).lines();
    let mut said = |what: &str| {
        let line = log.find(|line| line.as_ref().is_ok_and(|line| line.contains(what)));
        line.expect("it is said").unwrap()
    };

    std::fs::copy(&new.cert, &pair.cert).unwrap();
    server.signal("HUP");
    let told = said("is not that of the certificate in");
    assert!(
        told.contains("ERROR") && told.contains("from before go on"),
        "{told}"
    );
    assert!(is_live(&server, &pair).await);

    spoil(&pair.key);
    server.signal("HUP");
    said("holds no private key in PEM");
    assert!(is_live(&server, &pair).await);

    new.take_the_place_of(&pair);
    server.signal("HUP");
    said("the certificate was read again");
    assert!(is_live(&server, &new).await, "once it is whole");
}
