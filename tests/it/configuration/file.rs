//! What a file may say, and what is said of its mistakes.

use updraft::Config;

use super::File;
use crate::support::{updraft, updraft_with};

/// What `updraft config check` says of a file: the lines of its mistakes, without the path.
fn mistakes(text: &str) -> Vec<String> {
    let file = File::new(text);
    let (done, said, error) = updraft(&["config", "check", "--config", &file.path()], "");
    match done {
        true => assert_eq!((&*said, &*error), ("All is well.\n", "")),
        false => assert_eq!(said, ""),
    }
    let error = error.replace(&file.path(), "updraft.toml");
    let error = error.strip_prefix("error: ").unwrap_or(&error);
    error.lines().map(str::to_owned).collect()
}

#[test]
fn a_key_that_is_none_is_told_with_the_right_one() {
    for (text, told) in [
        (
            "[limits]\nmax_call = 1",
            "updraft.toml:2: unknown key 'max_call' in [limits]: write max-call",
        ),
        (
            "[limits]\n\nmax-cal = 1",
            "updraft.toml:3: unknown key 'max-cal' in [limits]: write max-call",
        ),
        (
            "[server]\nmax-call = 1",
            "updraft.toml:2: 'max-call' belongs in [limits]",
        ),
        (
            "[server]\nmax_call = 1",
            "updraft.toml:2: 'max_call' belongs in [limits], as max-call",
        ),
        ("max-call = 1", "updraft.toml:1: 'max-call' belongs in [limits]"),
        (
            "[tls]\ncert = 'a'",
            "updraft.toml:2: unknown key 'cert' in [tls]: write tls-cert",
        ),
        (
            "[server]\n'--port' = 1",
            "updraft.toml:2: unknown key '--port' in [server]: write port",
        ),
        (
            "[http]\nmax-waitin = 1",
            "updraft.toml:2: unknown key 'max-waitin' in [http]: there is max-waiting in [limits]",
        ),
        (
            "[server]\ncolor = 1",
            "updraft.toml:2: unknown key 'color' in [server]",
        ),
        (
            "[limit]\nx = 1",
            "updraft.toml:1: unknown group [limit]: write [limits]",
        ),
        (
            "[auth]",
            "updraft.toml:1: unknown group [auth]: write [authentication]",
        ),
    ] {
        assert_eq!(mistakes(text), [told], "{text}");
    }
}

#[test]
fn a_wrong_value_is_told_as_the_flag_tells_it() {
    let (_, _, by_flag) = updraft(&["config", "check", "--max-call", "0"], "");
    let by_flag = by_flag.lines().next().unwrap().strip_prefix("error: ").unwrap();
    assert_eq!(
        mistakes("[limits]\nmax-call = 0"),
        [format!("updraft.toml:2: {by_flag}")]
    );
    for (text, told) in [
        (
            "[http]\nmetrics = 'yes'",
            "updraft.toml:2: metrics: write true or false",
        ),
        (
            "[server]\nport = true",
            "updraft.toml:2: port: write a text in quotes, or a decimal number",
        ),
        (
            "[server]\nport = [1]",
            "updraft.toml:2: port: it takes one PORT, not a list",
        ),
        ("[http]\npath = []", "updraft.toml:2: path: name one at least"),
        (
            "[http]\npath = ['/a,/b']",
            "updraft.toml:2: path: commas separate values: write them as several",
        ),
        ("[server]\nport = 1\nport = 2", "updraft.toml:3: duplicate key"),
    ] {
        assert_eq!(mistakes(text), [told], "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_a_server_does_not_start_with_them() {
    let text = "[server]\nhots = 1\nport = 'a'\n[sessions]\nping-timeout = '5'";
    let told = mistakes(text);
    let lines: Vec<_> = told.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        lines,
        ["updraft.toml:2", "updraft.toml:3", "updraft.toml:5"],
        "{told:?}"
    );
    let file = File::new(text);
    let (done, said, error) = updraft(&["serve", "--port", "0", "--config", &file.path()], "");
    assert!(!done && said.is_empty());
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn settings_that_do_not_go_together_are_told_before_a_server_starts() {
    assert_eq!(
        mistakes("[authentication]\nauth-optional = true"),
        ["--auth-optional does nothing without --auth-secrets, --auth-keys or --auth-keys-url"]
    );
    assert_eq!(
        mistakes("[tls]\ntls-cert = 'cert.pem'"),
        ["a certificate and its key come together: --tls-cert and --tls-key"]
    );
    let origin = mistakes("[http]\nallowed-origins = ['a.example']");
    assert!(
        origin[0].starts_with("--allowed-origins: 'a.example' is no origin"),
        "{origin:?}"
    );
    for (text, told) in [
        #[cfg(feature = "otlp")]
        ("[telemetry]\notlp = 'ftp://x'", "ftp://x"),
        #[cfg(feature = "otlp")]
        (
            "[telemetry]\notlp = 'http://x'\notlp-sampler = 'nonsense'",
            "nonsense",
        ),
        #[cfg(feature = "otlp")]
        (
            "[telemetry]\notlp = 'http://x'\notlp-sampler = 'traceidratio'\notlp-sampler-arg = '7'",
            "7",
        ),
        #[cfg(feature = "otlp")]
        (
            "[telemetry]\notlp = 'http://x'\notlp-headers = 'junk'",
            "otlp-headers",
        ),
        #[cfg(feature = "redis")]
        ("[bus]\nbus = 'foo://x'", "--bus: the URL is malformed"),
        #[cfg(feature = "postgres")]
        ("[journal]\ndatabase = 'postgrs://x'", "URL is malformed"),
    ] {
        let told_so = mistakes(text);
        assert!(told_so[0].contains(told), "{text}: {told_so:?}");
    }
    let keys = mistakes("[authentication]\nauth-keys = ['/no/such.pem']");
    assert!(keys[0].contains("/no/such.pem"), "{keys:?}");
}

/// The lines of settings in a printed file that are commented out, as if they were not; those without a default show what they
/// take, in capitals.
fn uncommented(printed: &str) -> String {
    let is_sample = |value: &str| {
        value.starts_with('"') && !value.chars().any(char::is_lowercase) && value.contains(char::is_uppercase)
    };
    let lines = printed.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => match setting.split_once(" = ") {
            Some((_, value)) if is_sample(value) => line,
            _ => setting,
        },
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_file_of_the_defaults_is_accepted_and_says_what_is_so_anyway() {
    let (done, printed, error) = updraft(&["config", "default"], "");
    assert!(done, "{error}");
    assert_eq!(mistakes(&printed), [""; 0]);
    let said = uncommented(&printed);
    assert!(said.contains("\nmax-call = 1048576\n"), "{said}");
    assert!(said.contains("\nallowed-origins = []\n"), "{said}");
    assert_eq!(mistakes(&said), [""; 0]);
    let config = Config::from_file(File::new(&said).path()).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn the_file_of_the_defaults_has_each_setting_of_the_program() {
    let (_, printed, _) = updraft(&["config", "default"], "");
    let (_, shown, _) = updraft(&["config", "show"], "");
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("# "));
        let names = lines.filter_map(|line| line.trim_start_matches('#').split_whitespace().next());
        names.map(str::to_owned).collect()
    };
    assert_eq!(names(&printed), names(&shown));
    let documented = include_str!("../../../docs/configuration.md");
    for name in names(&printed).iter().filter(|name| !name.starts_with('[')) {
        assert!(
            documented.contains(&format!("`--{name}`")),
            "docs/configuration.md names --{name}"
        );
    }
}

#[test]
fn a_file_is_found_by_a_variable_and_for_every_command() {
    let file = File::new("[server]\nhots = 1");
    let variable = [("UPDRAFT_CONFIG", &*file.path())];
    for command in [
        &["config", "show"][..],
        &["events"],
        &["log", "topics"],
        &["serve"],
    ] {
        let (done, _, error) = updraft_with(&variable, command, "");
        assert!(
            !done && error.contains("unknown key 'hots'"),
            "{command:?}: {error}"
        );
    }
}

#[test]
fn a_program_of_ones_own_reads_it_without_the_command_line() {
    let file = File::new(
        "[limits]\nmax-rooms = 10\n[authentication]\nauth-secrets = ['a', 'b']\n[log]\nlog = 'debug'",
    );
    let config = Config::from_file(file.path()).unwrap();
    assert_eq!((config.limits.max_rooms, config.auth.secrets.len()), (10, 2));
    let missing = Config::from_file(file.at("none.toml")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read "), "{missing}");
}
