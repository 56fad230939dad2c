//! Secrets: from files that variables name, and never shown.

use std::fs;

use super::File;
use crate::support::{updraft, updraft_with};

/// Each secret setting of the program, with its variable: by what `--help` does not show of the environment.
const SECRETS: [(&str, &str); 2] = [
    ("auth-secrets", "UPDRAFT_AUTH_SECRETS"),
    #[cfg(feature = "postgres")]
    ("database", "UPDRAFT_DATABASE"),
    #[cfg(not(feature = "postgres"))]
    ("auth-secrets", "UPDRAFT_AUTH_SECRETS"),
];

#[test]
fn a_secret_is_read_from_the_file_that_a_variable_names() {
    for (name, variable) in SECRETS {
        let file = File::new("");
        let secret = file.at("secret");
        fs::write(&secret, "postgres://u:hidden@h/d-and-long-enough-for-HS256\n").unwrap();
        let names_file = format!("{variable}_FILE");
        let variables = [(&*names_file, secret.to_str().unwrap())];
        let (done, said, error) = updraft_with(&variables, &["config", "show"], "");
        assert!(done, "{error}");
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("#{name} ")))
            .unwrap();
        assert!(
            line.contains("is set, and hidden") && line.ends_with(&format!("# {names_file}")),
            "{line}"
        );

        let twice = [variables[0], (variable, "another")];
        let (done, _, error) = updraft_with(&twice, &["config", "check"], "");
        assert!(!done);
        assert_eq!(
            error,
            format!("error: {variable} and {names_file} are both set: leave one out\n")
        );

        for blank in ["", "\n", "\n\n", "  \r\n"] {
            fs::write(&secret, blank).unwrap();
            let (done, _, error) = updraft_with(&variables, &["config", "check"], "");
            assert!(!done && error.ends_with("is empty\n"), "{blank:?}: {error}");
        }
        fs::remove_file(&secret).unwrap();
        let (done, _, error) = updraft_with(&variables, &["config", "check"], "");
        assert!(
            !done && error.contains(&format!("{names_file}: cannot read ")),
            "{error}"
        );
    }
}

#[test]
fn a_file_without_an_end_is_no_secret() {
    let variables = [("UPDRAFT_AUTH_SECRETS_FILE", "/dev/zero")];
    let (done, _, error) = updraft_with(&variables, &["config", "check"], "");
    assert!(!done && error.contains("it has more than 1 MB"), "{error}");
}

#[test]
fn what_is_secret_in_a_url_is_not_shown() {
    let url = "https://user:hidden@127.0.0.1:1/keys?token=hidden";
    for name in [
        "auth-keys-url",
        #[cfg(feature = "otlp")]
        "otlp",
    ] {
        let flag = format!("--{name}");
        let (done, said, error) = updraft(&["config", "show", &flag, url], "");
        assert!(
            done && !said.contains("hidden@") && !said.contains("=hidden"),
            "{said}{error}"
        );
        assert!(said.contains("https://…@127.0.0.1:1/keys?…"), "{said}");
    }
    let (done, _, error) = updraft(&["serve", "--port", "0", "--auth-keys-url", url], "");
    assert!(!done && !error.contains("hidden"), "{error}");
}

#[test]
fn no_secret_is_shown() {
    let file = File::new(
        "[authentication]\nauth-secrets = ['first-hidden', 'second-hidden']\nauth-keys = ['/run/keys.pem']\n",
    );
    let variables = [
        #[cfg(feature = "postgres")]
        ("UPDRAFT_DATABASE", "postgres://u:hidden@h/d"),
        #[cfg(feature = "redis")]
        ("UPDRAFT_BUS", "redis://:hidden@h"),
    ];
    let arguments = ["config", "show", "--config", &file.path()];
    let (done, said, error) = updraft_with(&variables, &arguments, "");
    assert!(done, "{error}");
    assert!(!said.contains("hidden@") && !said.contains("-hidden"), "{said}");
    assert!(
        said.contains("auth-keys = [\"/run/keys.pem\"]"),
        "a path is no secret: {said}"
    );
    let broken = File::new("[authentication]\nauth-secrets = [\"hidden-secret\", 1.0.0]\n");
    let (done, _, error) = updraft(&["config", "check", "--config", &broken.path()], "");
    assert!(!done && !error.contains("hidden-secret"), "{error}");
}
