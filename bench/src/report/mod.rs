//! What was measured, as tables, plots and lines of JSON.

mod aims;
mod machine;
mod plot;
mod readme;
mod summary;
mod table;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::summary::{Scenario, summaries};
use crate::measure::Measured;

/// Where the generated part of a document stands; what is around it is written by hand.
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Everything that a run has found.
pub(crate) struct Report {
    /// On what it runs.
    about: String,
    scenarios: Vec<Scenario>,
    rounds: Vec<crate::measure::Round>,
    /// What was left out, and why.
    pub(crate) missing: Vec<String>,
    /// What does not fit into a table.
    pub(crate) sentences: Vec<String>,
    /// What Updraft did not finish, and why.
    pub(crate) unfinished: Vec<String>,
}

impl Report {
    /// For a run that begins now.
    pub(crate) fn begin() -> Self {
        Self {
            about: machine::about(),
            scenarios: Vec::new(),
            rounds: Vec::new(),
            missing: Vec::new(),
            sentences: Vec::new(),
            unfinished: Vec::new(),
        }
    }

    /// Takes a scenario in, and prints its table.
    pub(crate) fn add(&mut self, measured: Measured) {
        let mut failed = Vec::new();
        for (peer, why) in &measured.failed {
            let sentence = format!("{} did not finish: {why}", peer.name());
            if peer.is_updraft() {
                self.unfinished.push(sentence.clone());
            }
            failed.push(sentence);
        }
        let mut scenarios = summaries(&measured.rounds);
        if let Some(last) = scenarios.last_mut() {
            last.failed = failed;
        }
        for scenario in &scenarios {
            println!("{}", table::of(scenario));
        }
        self.scenarios.extend(scenarios);
        self.rounds.extend(measured.rounds);
    }

    /// How what was measured stands to what is aimed at.
    pub(crate) fn aims(&self) -> String {
        aims::table(&self.scenarios)
    }

    /// Every round, a line each; where they were written to.
    pub(crate) fn write_rounds(&self) -> PathBuf {
        let file = root().join("target/bench/rounds.jsonl");
        fs::create_dir_all(file.parent().expect("a folder")).expect("a disk");
        fs::write(&file, lines(&self.rounds)).expect("a disk");
        file
    }

    /// Writes `docs/benchmarks.md` anew between its marks, what lies beside it, and what the README quotes.
    pub(crate) fn write_document(&self) {
        let folder = root().join("docs/benchmarks");
        fs::create_dir_all(&folder).expect("a disk");
        let mut figures = self.about.clone();
        for left_out in &self.missing {
            figures += &format!("\nLeft out: {left_out}.\n");
        }
        figures += "\n## Aims\n\n";
        figures += &self.aims();
        for group in self.scenarios.chunk_by(|one, next| one.group() == next.group()) {
            let name = group[0].group();
            fs::write(folder.join(format!("{name}.svg")), plot::of(group)).expect("a disk");
            figures += &format!("\n## {name}\n\n![{name}](benchmarks/{name}.svg)\n");
            group
                .iter()
                .for_each(|scenario| figures += &format!("\n{}", table::of(scenario)));
        }
        self.sentences
            .iter()
            .for_each(|sentence| figures += &format!("\n{sentence}\n"));
        fs::write(folder.join("figures.jsonl"), lines(&self.scenarios)).expect("a disk");
        between_marks("docs/benchmarks.md", &figures);
        if let Some(lines) = readme::lines(&self.scenarios) {
            between_marks("README.md", &lines);
        }
    }
}

fn between_marks(document: &str, figures: &str) {
    let file = root().join(document);
    let text = fs::read_to_string(&file).expect("the document");
    let (before, rest) = text.split_once(BEGIN).expect("a mark where figures begin");
    let (_, after) = rest.split_once(END).expect("a mark where figures end");
    fs::write(file, [before, BEGIN, figures, END, after].concat()).expect("a disk");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
}

fn lines(values: &[impl serde::Serialize]) -> String {
    let lines = values
        .iter()
        .map(|value| serde_json::to_string(value).expect("JSON") + "\n");
    lines.collect()
}
