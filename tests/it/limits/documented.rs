//! `docs/configuration.md` says of every setting what the program says of it.

use std::collections::BTreeSet;

use clap::{Args, Command};
use updraft::Config;

/// Flag, variable, default, what it does.
type Setting = [String; 4];

fn documented() -> BTreeSet<Setting> {
    let text = include_str!("../../../docs/configuration.md");
    let rows = text.lines().filter(|line| line.starts_with("| `--"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [flag, variable, default, does, seen] = cells[..] else {
            panic!("a row has five cells: {row}");
        };
        assert!(!seen.is_empty(), "what a client sees: {row}");
        [flag, variable, default, does].map(|cell| cell.replace('`', ""))
    })
    .collect()
}

/// What clap knows of, and prints for `updraft serve --help`.
fn settings() -> BTreeSet<Setting> {
    let mut command = Config::augment_args(Command::new("serve"));
    command.build();
    let arguments = command.get_arguments();
    let settings = arguments.filter(|argument| argument.get_env().is_some());
    settings
        .map(|setting| {
            let flag = setting.get_long().unwrap();
            let variable = match flag {
                // Hosting platforms may say it in PORT.
                "port" => "UPDRAFT_PORT",
                _ => setting.get_env().unwrap().to_str().unwrap(),
            };
            let defaults: Vec<_> = setting
                .get_default_values()
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            let help = setting.get_help().unwrap().to_string().replace('`', "");
            [format!("--{flag}"), variable.to_owned(), defaults.join(","), help]
        })
        .collect()
}

#[test]
fn the_table_says_what_the_program_says() {
    let (documented, settings) = (documented(), settings());
    assert!(settings.len() > 25);
    let missing: Vec<_> = settings.difference(&documented).collect();
    let outdated: Vec<_> = documented.difference(&settings).collect();
    assert!(
        missing.is_empty() && outdated.is_empty(),
        "missing: {missing:#?}\noutdated: {outdated:#?}"
    );
}
