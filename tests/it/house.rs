//! The rules of the house that a reader relies on: imports point downwards, files hold one concept, the map is true.

mod evidence;
mod examples;
mod links;
mod names;
mod pages;
mod reference;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms, from the ground up (ARCHITECTURE.md, "The modules").
const ROOMS: [&str; 15] = [
    "error",
    "event",
    "trace",
    "postgres",
    "journal",
    "call",
    "feed",
    "config",
    "net",
    "socketioxide",
    "client",
    "admin",
    "app",
    "testing",
    "cli",
];

/// A file that passes this many lines wants to be two concepts.
const MOST_LINES: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files
}

/// The library's files by their module paths: `call::payload` is `src/call/payload/mod.rs`.
fn library() -> BTreeMap<Vec<String>, String> {
    rust_files("src")
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(root().join("src")).ok()?.with_extension("");
            let mut module: Vec<String> = inside
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            if module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            let is_library = ROOMS.contains(&module.first()?.as_str());
            is_library.then(|| (module, fs::read_to_string(&path).unwrap()))
        })
        .collect()
}

/// The code of a file without its comments and without the proofs beside it.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Spells out the tree of a `use`: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((prefix, group)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let group = &group[..group.rfind('}').unwrap()];
    let mut depth = 0;
    let parts = group.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts
        .flat_map(paths)
        .filter(|path| !path.is_empty())
        .map(|path| format!("{}{path}", prefix.trim()))
        .collect()
}

/// The modules that a file's `use` statements and the paths in its code lead to.
fn imports(module: &[String], text: &str, library: &BTreeMap<Vec<String>, String>) -> BTreeSet<Vec<String>> {
    let used = used(text);
    let named: BTreeMap<&str, &str> = used.iter().filter_map(|path| named(path)).collect();
    let written = written(text).into_iter().filter_map(|path| {
        let (first, rest) = path.split_once("::")?;
        match named.get(first) {
            Some(whole) => Some(format!("{whole}::{rest}")),
            None => ["crate", "self", "super"].contains(&first).then_some(path),
        }
    });
    let paths = used.iter().cloned().chain(written);
    let found = paths.filter_map(|path| target(module, &path, library));
    found.filter(|target| target != module).collect()
}

/// The module of the library that a path in this one leads to.
fn target(module: &[String], path: &str, library: &BTreeMap<Vec<String>, String>) -> Option<Vec<String>> {
    let mut parts = path.split("::").map(|part| part.trim().to_owned()).peekable();
    let mut target: Vec<String> = match parts.peek().map(String::as_str) {
        Some("crate") => Vec::new(),
        Some("super") => module[..module.len() - 1].to_vec(),
        _ => module.to_vec(),
    };
    parts.next_if(|part| ["crate", "self", "super"].contains(&part.as_str()));
    while parts.next_if(|part| part == "super").is_some() {
        target.pop();
    }
    target.extend(parts);
    // What is left beyond a module is an item in it.
    while !target.is_empty() && !library.contains_key(&target) {
        target.pop();
    }
    (!target.is_empty()).then_some(target)
}

/// The name that a `use` gives to what it imports, and its path.
fn named(path: &str) -> Option<(&str, &str)> {
    let (whole, last) = match path.split_once(" as ") {
        Some((whole, name)) => (whole, name),
        None => (path, path.rsplit("::").next()?),
    };
    match last {
        "self" => {
            let whole = whole.strip_suffix("::self")?;
            Some((whole.rsplit("::").next()?, whole))
        }
        _ => Some((last.trim(), whole)),
    }
}

/// The paths in the code of a file outside its `use` statements, as they are written; not those of `pub(in …)`.
fn written(text: &str) -> Vec<String> {
    let code: Vec<String> = code(text)
        .split(';')
        .filter(|statement| use_tree(statement).is_none())
        .map(|statement| statement.replace("pub(in ", "pub(::"))
        .collect();
    let is_of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    code.iter()
        .flat_map(|statement| statement.split(|letter| !is_of_path(letter)))
        .filter(|path| !path.starts_with("::") && path.contains("::"))
        .map(|path| path.trim_end_matches(':').to_owned())
        .collect()
}

/// Every path in the `use` statements of a file, spelt out.
fn used(text: &str) -> Vec<String> {
    code(text)
        .split(';')
        .filter_map(use_tree)
        .flat_map(paths)
        .collect()
}

/// What a statement imports; the word may also stand in a text.
fn use_tree(statement: &str) -> Option<&str> {
    let (before, tree) = statement.rsplit_once("use ")?;
    let line = before.rsplit('\n').next()?.trim();
    (line.is_empty() || line.starts_with("pub")).then_some(tree)
}

/// Those of these parts that import each other in a circle, and what stands between circles.
fn circle<T: Clone + Ord>(mut open: BTreeMap<T, BTreeSet<T>>) -> BTreeMap<T, BTreeSet<T>> {
    // What imports nothing that is still open goes, and what nothing open imports, until none of it is left.
    loop {
        let imported: BTreeSet<T> = open.values().flatten().cloned().collect();
        let parts: BTreeSet<T> = open.keys().cloned().collect();
        open.values_mut()
            .for_each(|targets| targets.retain(|target| parts.contains(target)));
        open.retain(|part, targets| !targets.is_empty() && imported.contains(part));
        if open.len() == parts.len() {
            return open;
        }
    }
}

#[test]
fn a_file_imports_only_what_stands_below_it() {
    let library = library();
    assert!(library.len() > 20, "the files were found");
    let open: BTreeMap<_, _> = library
        .iter()
        .map(|(module, text)| (module.clone(), imports(module, text, &library)))
        .collect();
    let all: usize = open.values().map(BTreeSet::len).sum();
    assert!(all > 40, "the imports were found");

    let rank = |module: &[String]| ROOMS.iter().position(|room| *room == module[0]);
    for (module, targets) in &open {
        for target in targets {
            assert!(
                rank(target) <= rank(module),
                "{} imports {}, a room above it",
                module.join("::"),
                target.join("::")
            );
        }
    }

    let circle = circle(open);
    assert!(
        circle.is_empty(),
        "these import each other in a circle: {circle:#?}"
    );
}

#[test]
fn only_the_network_knows_what_serves_it() {
    for (module, text) in library() {
        let uses = |prefix: &str| used(&text).iter().any(|path| path.starts_with(prefix));
        let knows_the_network = uses("axum") || uses("hyper") || uses("tokio_tungstenite");
        let may_know = ["net", "app", "cli", "client"].contains(&module[0].as_str());
        assert!(!knows_the_network || may_know, "{}", module.join("::"));
        let is_for_others = module[0] == "socketioxide";
        assert!(
            !uses("socketioxide") || is_for_others,
            "{}: the session layer is ours",
            module.join("::")
        );
    }
}

/// The files and folders of a room are rooms too: none imports what imports it.
#[test]
fn the_files_and_folders_of_a_room_do_not_go_round_in_circles() {
    let library = library();
    for room in ROOMS {
        let part = |module: &[String]| (module[0] == room).then(|| module.get(1).cloned()).flatten();
        let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, text) in &library {
            let Some(from) = part(module) else {
                continue;
            };
            let targets = imports(module, text, &library);
            let others = targets.iter().filter_map(|target| part(target));
            let others = others.filter(|to| *to != from);
            parts.entry(from.clone()).or_default().extend(others);
        }
        assert!(parts.len() > 8 || room != "net", "the folders were found");
        assert!(parts.len() > 6 || room != "feed", "the folders were found");
        let circle = circle(parts);
        assert!(
            circle.is_empty(),
            "{room}: these import each other in a circle: {circle:#?}"
        );
    }
}

#[test]
fn a_file_holds_one_concept() {
    for path in ["src", "tests", "benches", "bench/src", "examples"]
        .into_iter()
        .flat_map(rust_files)
    {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_maps_name_files_that_exist() {
    for map in ["ARCHITECTURE.md", "README.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root().join(map)).unwrap();
        let mut named = 0;
        for name in text.split('`').skip(1).step_by(2).chain(links(&text)) {
            let is_path = [
                "src/",
                "tests/",
                "docs/",
                "benches/",
                "bench/",
                "fuzz/",
                "client/",
                "client-demo/",
                "examples/",
                "packaging/",
            ]
            .iter()
            .any(|folder| name.starts_with(folder));
            let is_document = name.ends_with(".md") && !name.contains(' ');
            if is_path || is_document {
                named += 1;
                assert!(root().join(name).exists(), "{map} names {name}");
            }
        }
        assert!(named > 0 || map == "CHANGELOG.md", "{map} names files");
    }
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for module in library()
        .keys()
        .filter(|module| module[0] != "cli" && module.len() == 2)
    {
        let is_folder = root().join("src").join(module.join("/")).is_dir();
        let file = format!("src/{}{}", module.join("/"), if is_folder { "/" } else { ".rs" });
        assert!(map.contains(&file), "ARCHITECTURE.md does not name {file}");
    }
}

/// Where a document's links lead.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}
