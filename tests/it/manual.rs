//! Manual pages and completion: they know each command and each flag that `--help` knows.

use std::{collections::BTreeSet, fs, process::Command};

use crate::support::updraft;

/// A command as `--help` shows it.
struct Shown {
    /// Without the program, as in `log tail`.
    words: Vec<String>,
    flags: BTreeSet<String>,
    variables: BTreeSet<String>,
    /// The names of the commands below it.
    below: Vec<String>,
}

impl Shown {
    fn by_help(words: &[String]) -> Self {
        let arguments: Vec<_> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let (done, help, error) = updraft(&arguments, "");
        assert!(done, "{words:?}: {error}");
        // `  -h, --help`, or `      --port <PORT>`; what a flag does is farther in.
        let flags = help.lines().filter_map(|line| {
            let is_flag = ["  -", "      -"].iter().any(|start| line.starts_with(start));
            let words = line.split_whitespace().take_while(|word| word.starts_with('-'));
            words.last().filter(|word| is_flag && word.starts_with("--"))
        });
        // `[env: UPDRAFT_PORT=]`.
        let variables = help.split("[env: ").skip(1).filter_map(|rest| {
            let name = rest.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric());
            name.into_iter().next()
        });
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = commands
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
            .filter(|name| !name.is_empty() && *name != "help");
        Self {
            words: words.to_owned(),
            flags: flags.map(str::to_owned).collect(),
            variables: variables.map(str::to_owned).collect(),
            below: names.map(str::to_owned).collect(),
        }
    }

    fn name(&self) -> String {
        [&["updraft".to_owned()], &self.words[..]].concat().join("-")
    }
}

/// The program, and all commands below it.
fn commands() -> Vec<Shown> {
    let mut commands = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let shown = Shown::by_help(&words);
        open.extend(
            shown
                .below
                .iter()
                .map(|name| [&words[..], std::slice::from_ref(name)].concat()),
        );
        commands.push(shown);
    }
    assert!(commands.iter().any(|shown| shown.words == ["log", "tail"]));
    commands
}

#[test]
fn each_command_has_a_manual_page_with_all_its_flags_and_variables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    assert!(updraft(&["manpage", "--directory", path], "").0);
    let commands = commands();
    let written: BTreeSet<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = commands
        .iter()
        .map(|shown| format!("{}.1", shown.name()))
        .collect();
    assert_eq!(written, expected);
    for shown in &commands {
        let page = fs::read_to_string(directory.path().join(format!("{}.1", shown.name()))).unwrap();
        let page = page.replace("\\-", "-").replace("\\fB", " ").replace("\\fR", " ");
        let words: BTreeSet<_> = page.split_whitespace().collect();
        assert!(!shown.flags.is_empty());
        for word in shown.flags.iter().chain(&shown.variables) {
            assert!(words.contains(&word[..]), "{}: {word}", shown.name());
        }
        for name in &shown.below {
            let page = format!("{}-{name}(1)", shown.name());
            assert!(words.contains(&page[..]), "{}: {name}", shown.name());
        }
    }
}

/// What bash offers after these words, by the script that the program prints.
fn offered(script: &str, words: &[String]) -> BTreeSet<String> {
    let words = [&["updraft".to_owned()], words, &["--".to_owned()]].concat();
    let last = words.len() - 1;
    let asked = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={last}\n_updraft updraft -- {}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words[last - 1]
    );
    let bash = Command::new("bash")
        .args(["--norc", "-c", &asked])
        .output()
        .unwrap();
    assert!(bash.status.success() && bash.stderr.is_empty(), "{bash:?}");
    let offered = String::from_utf8(bash.stdout).unwrap();
    offered.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_all_flags_of_each_command() {
    let (done, script, _) = updraft(&["completion", "bash"], "");
    assert!(done);
    let commands = commands();
    let serve = commands.iter().find(|shown| shown.words == ["serve"]).unwrap();
    for shown in &commands {
        let mut flags = shown.flags.clone();
        // Those of the default command, which its own help shows.
        if shown.words.is_empty() {
            flags.extend(serve.flags.iter().cloned());
        }
        assert_eq!(offered(&script, &shown.words), flags, "{}", shown.name());
    }
}

#[test]
fn scripts_for_zsh_and_fish_have_each_flag() {
    let flags: BTreeSet<_> = commands().into_iter().flat_map(|shown| shown.flags).collect();
    for (shell, before) in [("zsh", "--"), ("fish", "-l ")] {
        let (done, script, _) = updraft(&["completion", shell], "");
        assert!(done);
        for flag in &flags {
            let word = flag.replace("--", before);
            assert!(script.contains(&word), "{shell}: {flag}");
        }
    }
}
