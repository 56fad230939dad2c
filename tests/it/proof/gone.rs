//! The data directory of a running server is removed, or a backup takes its place.

use std::{fs, process::Command};

use serde_json::json;

use super::{
    cards::{add, begin, is_unavailable, next},
    wait_for,
};
use crate::support::{Http, Program, RawClient};

fn ready(program: &Program) -> u16 {
    Http::get(&program.url, "/health/ready", &[]).status
}

/// The epoch of the board.
async fn epoch(program: &Program) -> String {
    let mut reader = RawClient::connect_with(&program.url, &json!({"topics": {"board": null}})).await;
    let start = next(&mut reader).await;
    start["epoch"].as_str().unwrap().to_owned()
}

#[test]
fn nothing_is_acked_once_the_data_directory_was_removed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let mut program = Program::start(&["--data", data.to_str().unwrap()]);
    wait_for(async {
        let (mut reader, _) = begin(&program.url).await;
        let mut writer = RawClient::connect(&program.url).await;
        add(&mut writer, "card-1").await.unwrap();
        assert_eq!(next(&mut reader).await["key"], "card-1");
        assert_eq!(ready(&program), 200);

        fs::remove_dir_all(&data).unwrap();
        assert_eq!(ready(&program), 503, "also before anything is published");
        for id in ["card-2", "card-3"] {
            let error = add(&mut writer, id)
                .await
                .expect_err("it would be gone at the stop");
            assert!(is_unavailable(&error), "{error}");
        }
        let mut late = RawClient::connect_with(&program.url, &json!({"topics": {"board": null}})).await;
        let refused = next(&mut late).await;
        assert_eq!(refused["event"], "topic.refused");
        assert!(is_unavailable(&refused["error"]), "{refused}");
        reader.hears_nothing_else().await;
        assert_eq!(Http::get(&program.url, "/health/live", &[]).status, 200);
    });
    program.end();
    let (_, log) = program.wait();
    let told = format!(
        "the journal's file {} was removed or moved away",
        data.join("lock").display()
    );
    assert_eq!(log.matches(&told).count(), 1, "{log}");
    assert!(
        log.lines()
            .any(|line| line.contains("ERROR") && line.contains(&told)),
        "{log}"
    );
}

#[test]
fn a_backup_that_takes_the_place_of_the_data_gives_no_number_twice() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let flags = ["--data", data.to_str().unwrap()];
    let first = Program::start(&flags);
    wait_for(async {
        let mut writer = RawClient::connect(&first.url).await;
        add(&mut writer, "card-1").await.unwrap();
        // As people do it: all files of the directory.
        let copy = |from: &str, to: &str| {
            let copied = Command::new("cp")
                .arg("-r")
                .args([from, to])
                .current_dir(place.path())
                .status();
            assert!(copied.unwrap().success());
        };
        copy("data", "backup");
        add(&mut writer, "card-2").await.unwrap();
        let before = epoch(&first).await;
        fs::rename(&data, place.path().join("elsewhere")).unwrap();
        copy("backup", "data");

        let second = Program::start(&flags);
        assert_ne!(epoch(&second).await, before, "its numbers are others");
        let mut other = RawClient::connect(&second.url).await;
        assert_eq!(add(&mut other, "card-3").await, Ok(2));
        let error = add(&mut writer, "card-4").await.unwrap_err();
        assert!(is_unavailable(&error), "{error}");
        assert_eq!((ready(&first), ready(&second)), (503, 200));
    });
}
