//! What stands where its name says, and the words of the documentation.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, library};

/// Inherent `impl`s that stand beside their type's file: each extends a type by what a file above it builds.
const IMPLS_ELSEWHERE: [(&str, &str); 9] = [
    ("journal::refusal", "JournalError"),
    ("journal::json", "Record"),
    ("call::payload::digest", "Call"),
    ("feed::follower::projection", "Feed"),
    ("feed::publish", "Feed"),
    ("feed::follower::consumer", "Feed"),
    ("feed::compaction", "Feed"),
    ("feed::compaction", "Channel"),
    ("socketioxide::peer", "NamespaceSocket"),
];

/// Words that make a reader of the documentation ask whom they mean: client, socket, subscriber, caller or node.
pub(super) const PRONOUNS: [&str; 9] = [
    "who",
    "whoever",
    "whom",
    "whomever",
    "somebody",
    "someone",
    "nobody",
    "anybody",
    "everybody",
];

/// Modules whose public documentation may have one of them.
const PRONOUNS_ALLOWED: [&str; 0] = [];

/// Names of files and items that say nothing of what they hold.
const VAGUE: [&str; 6] = ["utils", "util", "helpers", "helper", "manager", "misc"];

/// The types that a file declares, not those of its tests.
fn declared(text: &str) -> impl Iterator<Item = String> {
    let lines: Vec<_> = code(text).lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| {
        let words = line.split_whitespace();
        let mut words = words.skip_while(|word| word.starts_with("pub") || word.ends_with(')'));
        let is_type = ["struct", "enum", "union"].contains(&words.next()?);
        is_type.then(|| identifier(words.next().unwrap_or_default()).to_owned())
    })
}

/// The types that a file has an inherent `impl` of: `impl<T> a::Feed<T> {` is one of `Feed`.
fn implemented(text: &str) -> Vec<String> {
    let code = code(text);
    let headers = code
        .split("\nimpl")
        .skip(1)
        .filter_map(|rest| rest.split('{').next());
    let inherent = headers.filter(|header| !header.split_whitespace().any(|word| word == "for"));
    inherent
        .map(|header| {
            let path = after_generics(header).trim();
            let path = path.split(['<', ' ', '\n']).next().unwrap();
            identifier(path.rsplit("::").next().unwrap()).to_owned()
        })
        .collect()
}

/// What stands behind the `<…>` that a header may begin with.
fn after_generics(header: &str) -> &str {
    let mut depth = 0;
    if !header.starts_with('<') {
        return header;
    }
    let end = header.find(|letter| {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &header[end.map_or(0, |end| end + 1)..]
}

fn identifier(word: &str) -> &str {
    let end = word.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &word[..end.unwrap_or(word.len())]
}

/// A split `impl` is an edge between files that no `use` shows. A room above may extend a type of one below it.
#[test]
fn an_inherent_impl_stands_in_the_file_of_its_type_or_below() {
    let library = library();
    let mut homes: BTreeMap<String, Vec<&Vec<String>>> = BTreeMap::new();
    for (module, text) in &library {
        declared(text).for_each(|name| homes.entry(name).or_default().push(module));
    }
    let (mut seen, mut elsewhere) = (0, BTreeSet::new());
    for (module, text) in &library {
        for name in implemented(text) {
            seen += 1;
            let homes = homes.get(&name).map_or(&[][..], Vec::as_slice);
            let is_home = homes.iter().any(|home| module.starts_with(home));
            let is_in_room = homes.iter().any(|home| home[0] == module[0]);
            if !is_home && is_in_room {
                elsewhere.insert((module.join("::"), name));
            }
        }
    }
    assert!(seen > 200, "the impls were found: {seen}");
    let allowed = IMPLS_ELSEWHERE.map(|(module, name)| (module.to_owned(), name.to_owned()));
    assert_eq!(elsewhere, BTreeSet::from(allowed));
}

/// The documentation of public items, line by line, without its examples.
fn public_documentation(text: &str) -> Vec<String> {
    let (mut found, mut block, mut is_example) = (Vec::new(), Vec::new(), false);
    for line in text.split("#[cfg(test)]").next().unwrap().lines().map(str::trim) {
        if let Some(line) = line.strip_prefix("///") {
            is_example ^= line.trim().starts_with("```");
            if !is_example {
                block.push(line.trim().to_owned());
            }
        } else if line.starts_with("pub ") {
            found.append(&mut block);
        } else if line.contains(['{', '}', ';']) || line.ends_with(',') && !line.contains('=') {
            block.clear();
        }
    }
    found
}

pub(super) fn has_word(line: &str, words: &[&str]) -> bool {
    let mut parts = line.split(|letter: char| !letter.is_alphanumeric());
    parts.any(|part| words.contains(&&*part.to_lowercase()))
}

#[test]
fn public_documentation_says_client_socket_or_caller_and_not_who() {
    let documentation: Vec<_> = library()
        .iter()
        .flat_map(|(module, text)| {
            let lines = public_documentation(text).into_iter();
            lines.map(|line| (module.join("::"), line)).collect::<Vec<_>>()
        })
        .collect();
    assert!(documentation.len() > 500, "the documentation was found");
    let vague: Vec<_> = documentation
        .iter()
        .filter(|(module, line)| has_word(line, &PRONOUNS) && !PRONOUNS_ALLOWED.contains(&&**module))
        .collect();
    assert!(vague.is_empty(), "say which one: {vague:#?}");
}

#[test]
fn nothing_is_called_utils_helpers_or_manager() {
    for (module, text) in library() {
        let is_vague =
            |name: &str| VAGUE.contains(&name) || name.ends_with("Manager") || name.ends_with("Helper");
        let file = module.iter().find(|part| is_vague(part));
        assert_eq!(file, None, "{}", module.join("::"));
        let item = declared(&text).find(|name| is_vague(name));
        assert_eq!(item, None, "{}", module.join("::"));
    }
}
