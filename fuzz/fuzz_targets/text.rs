//! Small things that are written as text: positions, names of events, events as lines of an export, times in settings.
//! What is read and written again is the same.

#![no_main]

use std::time::Duration;

use clap::{Args, Command, FromArgMatches};
use libfuzzer_sys::fuzz_target;
use updraft::{Config, EventName, Position, journal::Record};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }
    if let Ok(name) = text.parse::<EventName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(record) = serde_json::from_str::<Record>(text) {
        let line = serde_json::to_string(&record).expect("it can be written");
        assert_eq!(serde_json::from_str::<Record>(&line).expect("and read"), record);
    }
    time(text);
});

/// A time in a setting: longer than nothing, or an error.
fn time(text: &str) {
    // A NUL is in no argument.
    if text.len() > 64 || text.contains('\0') {
        return;
    }
    let command = Config::augment_args(Command::new("serve").no_binary_name(true));
    let flag = format!("--call-timeout={text}");
    if let Ok(matches) = command.try_get_matches_from([flag]) {
        let config = Config::from_arg_matches(&matches).expect("it was accepted");
        assert!(config.limits.call_timeout > Duration::ZERO);
    }
}
