//! What the fuzzer throws anything at: the lines of an export. It is there for the fuzzer alone (`fuzz/`), which
//! panics where it does not hold.

use std::path::Path;

use super::sqlite::{Import, Inspection, Lineage, Severity};

/// Imports lines into a directory: either it is an error, or the journal is whole.
pub fn import(lines: &[u8], directory: &Path) {
    let Ok(import) = Import::begin(lines) else {
        return;
    };
    if import
        .into_directory(directory, Lineage::Restored, &|| {})
        .is_err()
    {
        return;
    }
    let inspection = Inspection::open(directory);
    assert!(inspection.is_ok(), "what was imported can be opened");
    let Ok(inspection) = inspection else {
        return;
    };
    for check in Inspection::checks() {
        let found = inspection.check(check);
        let is_violated = found.count > 0 && check.severity == Severity::Violation;
        assert!(!is_violated, "{}: {:?}", check.name, found.first);
    }
}
