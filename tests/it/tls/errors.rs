//! What is wrong with a certificate and its key is said at start.

use super::{Pair, spoil};
use crate::support::updraft;

/// What a server says that does not start with these.
fn told(cert: &str, key: &str) -> String {
    let (done, said, told) = updraft(
        &["serve", "--port", "0", "--tls-cert", cert, "--tls-key", key],
        "",
    );
    assert!(!done && said.is_empty(), "{said}");
    told
}

#[test]
fn the_key_of_another_certificate_is_named() {
    let (pair, other) = (Pair::new(), Pair::new());
    let expected = format!(
        "error: the key in {} is not that of the certificate in {}\n",
        other.key, pair.cert
    );
    assert_eq!(told(&pair.cert, &other.key), expected);
}

#[test]
fn a_file_that_is_not_there_or_holds_something_else_is_named() {
    let pair = Pair::new();
    let missing = told("/nowhere/cert.pem", &pair.key);
    assert!(
        missing.starts_with("error: cannot read /nowhere/cert.pem: "),
        "{missing}"
    );
    let swapped = told(&pair.key, &pair.cert);
    assert_eq!(
        swapped,
        format!("error: {} holds no certificate in PEM\n", pair.key)
    );
    let without = told(&pair.cert, &pair.cert);
    assert_eq!(
        without,
        format!("error: {} holds no private key in PEM\n", pair.cert)
    );
    spoil(&pair.cert);
    let spoilt = told(&pair.cert, &pair.key);
    assert_eq!(
        spoilt,
        format!("error: {} holds no certificate in PEM\n", pair.cert)
    );
}

#[test]
fn one_without_the_other_is_no_tls() {
    let pair = Pair::new();
    for half in [["--tls-cert", &pair.cert], ["--tls-key", &pair.key]] {
        let (done, _, told) = updraft(&["serve", "--port", "0", half[0], half[1]], "");
        assert!(!done);
        assert_eq!(
            told,
            "error: a certificate and its key come together: --tls-cert and --tls-key\n"
        );
    }
}
