//! The command line beside the book, and what its help shows.

// The page has what the default features give.
#![cfg(all(feature = "postgres", feature = "redis"))]

use std::collections::BTreeMap;

use super::*;

/// A command's flags and arguments, each as a row of its table.
type Tables = BTreeMap<String, Vec<String>>;

const PAGE: &str = include_str!("../../../docs/commands.md");
const TABLE: &str = "| argument | variable | default | what it does |\n|---|---|---|---|";

/// The headings of the page with the tables below them.
fn documented() -> Tables {
    let sections = PAGE.split("\n## `").skip(1);
    sections
        .map(|section| {
            let (name, text) = section.split_once('`').unwrap();
            let rows = text
                .split_once(TABLE)
                .map_or("", |(_, rows)| rows.split("\n\n").next().unwrap());
            let rows = rows.lines().filter(|row| !row.is_empty());
            (name.to_owned(), rows.map(str::to_owned).collect())
        })
        .collect()
}

/// Each command with what it takes itself; under the name of the program what each of them takes.
fn known() -> Tables {
    let line = CommandLine::line();
    let settings = Settings::of(&line);
    let everywhere = line.get_arguments().filter(|flag| flag.is_global_set());
    let mut tables = Tables::from([("updraft".to_owned(), everywhere.map(row).collect())]);
    for command in line.get_subcommands() {
        add("updraft", command, &settings, &mut tables);
    }
    tables
}

fn add(above: &str, command: &clap::Command, settings: &Settings, tables: &mut Tables) {
    let name = format!("{above} {}", command.get_name());
    let own = command.get_arguments().filter(|flag| {
        let flags = settings.iter().map(crate::config::Setting::id);
        // The settings of a server stand in docs/configuration.md; another command may have some of them in a way of its own.
        let is_setting = flags.into_iter().any(|id| id == flag.get_id().as_str());
        !(is_setting && flag.get_help_heading().is_some())
    });
    tables.insert(name.clone(), own.map(row).collect());
    for below in command.get_subcommands() {
        add(&name, below, settings, tables);
    }
}

fn row(flag: &clap::Arg) -> String {
    let takes_value = flag.get_action().takes_values();
    let listed = |words: Vec<String>| words.join(", ");
    let names = flag.get_value_names().into_iter().flatten();
    let names = names.filter(|_| takes_value).map(ToString::to_string);
    let short = flag.get_short().map(|letter| format!("-{letter},"));
    let long = flag.get_long().map(|name| format!("--{name}"));
    let written: Vec<_> = short.into_iter().chain(long).chain(names).collect();
    let variable = flag.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
    let defaults = flag.get_default_values().iter();
    let defaults = defaults.map(|value| format!("`{}`", value.to_string_lossy()));
    let words = flag.get_possible_values();
    let words = words.iter().filter(|_| takes_value);
    let words = listed(words.map(|word| format!("`{}`", word.get_name())).collect());
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let help = if words.is_empty() {
        help
    } else {
        format!("{help}: {words}")
    };
    let (written, variable) = (written.join(" "), variable.unwrap_or_default());
    format!(
        "| `{written}` | {variable} | {} | {help} |",
        listed(defaults.collect())
    )
}

#[test]
fn the_page_of_commands_has_each_with_its_arguments() {
    let (documented, known) = (documented(), known());
    assert!(known.len() > 10);
    let commands = |tables: &Tables| tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(commands(&documented), commands(&known));
    let wrong = known.iter().filter(|(name, rows)| documented[*name] != **rows);
    let wrong: Vec<_> = wrong
        .map(|(name, rows)| format!("{name}\n{TABLE}\n{}", rows.join("\n")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_help_of_the_program_is_short_and_says_where_the_settings_are() {
    let help = CommandLine::line().render_long_help().to_string();
    assert!(help.lines().count() < 60, "{help}");
    for word in ["serve", "--config", "--log-format", "serve --help"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let mut line = CommandLine::line();
    // With the flags that are everywhere.
    line.build();
    let serve = line
        .find_subcommand_mut("serve")
        .unwrap()
        .render_long_help()
        .to_string();
    for setting in Settings::of(&CommandLine::line()).iter() {
        assert!(
            serve.contains(&format!("--{}", setting.name())),
            "{}",
            setting.name()
        );
    }
}

#[test]
fn a_heading_stands_once_in_the_help_of_a_command() {
    let mut line = CommandLine::line();
    line.build();
    let mut helps = vec![line.render_long_help()];
    helps.extend(line.get_subcommands_mut().map(clap::Command::render_long_help));
    for help in helps {
        let help = help.to_string();
        let is_heading = |text: &&str| text.ends_with(':') && !text.starts_with(' ');
        let mut headings = help.lines().filter(is_heading).collect::<Vec<_>>();
        headings.sort_unstable();
        assert!(headings.windows(2).all(|two| two[0] != two[1]), "{help}");
    }
}
