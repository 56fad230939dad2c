//! What the fuzzer throws anything at: the lines of an export. It is there for the fuzzer alone (`fuzz/`), which
//! panics where it does not hold.

use std::path::Path;

use super::{
    import::{Import, Lineage},
    inspection::Inspection,
    sqlite::{SqliteDestination, SqliteInspection},
    verification::violation,
};

/// Imports lines into a directory: either it is an error, or the journal is whole.
pub fn import(lines: &[u8], directory: &Path) {
    let Ok(import) = Import::begin(lines) else {
        return;
    };
    let Ok(mut destination) = SqliteDestination::open(directory) else {
        return;
    };
    if import.fill(&mut destination, Lineage::Restored, &|| {}).is_err() {
        return;
    }
    drop(destination);
    let inspection = SqliteInspection::open(directory);
    assert!(inspection.is_ok(), "what was imported can be opened");
    let Ok(inspection) = inspection else {
        return;
    };
    assert_eq!(
        violation(inspection.checks(), |check| inspection.check(check)),
        None
    );
}
