//! A disk that is full, a directory that is read-only: what callers, readers and the log are
//! told by the program, and that it goes on by itself where it can.

use std::{fs, path::Path, thread};

use rustix::{
    process::{Pid, Resource, Rlimit, getrlimit, prlimit},
    thread::{CapabilitySet, remove_capability_from_bounding_set},
};
use serde_json::Value;

use super::{
    cards::{add, begin, fill, is_unavailable, next, refusal},
    wait_for,
};
use crate::support::{PATIENT, Program, RawClient};

/// No file of the program may grow beyond this from now on: as good as a full disk, and it needs no rights.
fn limit_files(program: &Program, bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit {
        current: bytes,
        maximum,
    };
    let pid = Pid::from_raw(program.pid().cast_signed());
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

/// Whether the event of this card stands there.
fn is_card(event: &Value, seq: u64, id: &str) -> bool {
    event["seq"] == seq && event["key"] == id
}

#[test]
fn a_full_disk_is_said_to_be_unavailable_and_passes() {
    let data = tempfile::tempdir().unwrap();
    // The program is to be told by an error, not by a signal.
    let directory = ["--data", data.path().to_str().unwrap()];
    let mut program = Program::start_after("trap '' XFSZ", &[&directory, &PATIENT[..]].concat());
    wait_for(async {
        let (mut reader, _) = begin(&program.url).await;
        let mut writer = RawClient::connect(&program.url).await;
        let mut acked = Vec::new();
        let mut number = 0;
        for round in 1..3 {
            limit_files(&program, Some(round * 400_000));
            let mut refused = 0;
            while refused < 5 {
                let id = format!("card-{number}");
                number += 1;
                match add(&mut writer, &id).await {
                    Ok(seq) => acked.push((seq, id)),
                    Err(error) => {
                        assert!(is_unavailable(&error), "{error}");
                        refused += 1;
                    }
                }
            }
            // Who comes now reads all that was acked.
            let (_, events) = begin(&program.url).await;
            for (seq, id) in &acked {
                assert!(events.iter().any(|event| is_card(event, *seq, id)), "{id}");
            }
            limit_files(&program, None);
            let id = format!("again-{round}");
            acked.push((add(&mut writer, &id).await.expect("there is room again"), id));
        }
        let (_, events) = begin(&program.url).await;
        for (seq, id) in &acked {
            let found: Vec<_> = events.iter().filter(|event| event["key"] == **id).collect();
            assert!(
                matches!(found[..], [event] if is_card(event, *seq, id)),
                "{id}: {found:?}"
            );
        }
        // No card was changed, so the backlog is all that ever happened, and that is what the reader saw live.
        for event in &events {
            assert_eq!(next(&mut reader).await, *event);
        }
        reader.hears_nothing_else().await;
    });
    program.end();
    let (_, log) = program.wait();
    assert!(log.contains("the journal did not commit"), "{log}");
    assert!(log.contains("the journal is unavailable"), "{log}");
}

/// The same, by one for whom permissions count: also root's programs are refused what their files do not permit.
fn refusal_by_permissions(data: &Path) -> String {
    let refused = thread::scope(|threads| {
        let asking = threads.spawn(|| {
            for capability in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
                // Only root has it, and may let go of it: for this thread, and whoever it starts.
                let _ = remove_capability_from_bounding_set(capability);
            }
            refusal(data)
        });
        asking.join()
    });
    refused.unwrap()
}

fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    for data in [file.clone(), file.join("below")] {
        let said = refusal(&data);
        let told = format!("error: the directory {} is unusable: ", data.display());
        assert!(said.starts_with(&told), "{said}");
    }

    let new = place.path().join("new");
    fs::create_dir(&new).unwrap();
    permit(&new, 0o555);
    let said = refusal_by_permissions(&new);
    let told = format!(
        "error: the directory {} is unusable: Permission denied",
        new.display()
    );
    assert!(said.starts_with(&told), "{said}");
}

#[test]
fn a_journal_that_cannot_be_written_is_named() {
    let place = tempfile::tempdir().unwrap();
    fill(place.path(), 10);
    let file = place.path().join("journal.db");
    permit(place.path(), 0o555);
    let said = refusal_by_permissions(place.path());
    let told = format!("error: cannot open the journal {}: ", file.display());
    assert!(said.starts_with(&told), "{said}");

    permit(place.path(), 0o755);
    permit(&file, 0o444);
    let said = refusal_by_permissions(place.path());
    let told = format!(
        "error: the journal {} cannot be written: it is read-only\n",
        file.display()
    );
    assert_eq!(said, told);
}
