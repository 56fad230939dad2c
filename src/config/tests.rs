use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

#[test]
fn blanks_around_names_in_lists_are_no_part_of_them() {
    let flags = [
        "updraft",
        "--auth-audience",
        "a, b",
        "--auth-issuer",
        " https://c ",
    ];
    let config = Flags::try_parse_from(flags).unwrap().config;
    assert_eq!(config.auth.audience, ["a", "b"]);
    assert_eq!(config.auth.issuer, ["https://c"]);
    for empty in ["", "a,", " "] {
        let flags = ["updraft", "--auth-audience", empty];
        assert!(
            Flags::try_parse_from(flags).is_err(),
            "'{empty}' would let nobody in"
        );
    }
}

#[test]
fn no_flags_are_the_default() {
    let matches = Flags::command()
        .mut_args(|arg| arg.env(None::<&str>))
        .get_matches_from(["updraft"]);
    let config = Flags::from_arg_matches(&matches).unwrap().config;
    assert_eq!(config, Config::default());
}
