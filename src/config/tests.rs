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
            "'{empty}' would refuse every client"
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

#[test]
fn each_setting_stands_under_the_heading_of_its_group() {
    let command = Flags::command();
    let heading = |flag: &str| {
        let mut settings = command.get_arguments();
        let setting = settings.find(|setting| setting.get_long() == Some(flag));
        setting.unwrap().get_help_heading()
    };
    for (flag, group) in [
        ("port", "Server"),
        ("metrics", "HTTP"),
        ("tls-cert", "TLS"),
        ("auth-keys", "Authentication"),
        ("ping-interval", "Sessions"),
        ("max-call", "Limits"),
        ("data", "Journal"),
        #[cfg(feature = "redis")]
        ("bus", "Bus"),
        #[cfg(feature = "otlp")]
        ("otlp", "Telemetry"),
    ] {
        assert_eq!(heading(flag), Some(group), "--{flag}");
    }
}
