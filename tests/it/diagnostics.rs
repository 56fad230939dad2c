//! What the compiler says of functions that cannot be registered: which of their parts it is, in our words.

use std::{
    env,
    fs::{self, DirEntry},
    path::{Path, PathBuf},
    process::Command,
};

/// Each of these lines is wrong in its own way.
const WRONG: &str = r#"
    use std::sync::Mutex;
    use updraft::{Context, Json, Module, Result, State};

    struct Foreign;

    async fn plain(_: Context, _: u32) {}
    async fn unread(_: Json<Foreign>, _: Context) {}
    async fn unwritten() -> Json<Foreign> { Json(Foreign) }
    async fn no_answer(_: String) -> u32 { 7 }
    async fn may_lack(_: Option<Context>) {}
    fn not_async(_: String) -> &'static str { "done" }
    async fn holds(lock: State<Mutex<u8>>) {
        let held = lock.lock();
        std::future::ready(()).await;
        drop(held);
    }
    async fn many(_: Context, _: Context, _: Context, _: Context, _: Context, _: Context, _: Context, _: Context, _: Context) {}
    async fn guards(_: Context, _: i64) -> Result<()> { Ok(()) }

    pub fn module(module: Module) -> Module {
        let module = module.on("plain", plain); // plain
        let module = module.on("unread", unread); // unread
        let module = module.on("unwritten", unwritten); // unwritten
        let module = module.on("no_answer", no_answer); // no_answer
        let module = module.on("may_lack", may_lack); // may_lack
        let module = module.on("not_async", not_async); // not_async
        let module = module.on("holds", holds); // holds
        let module = module.on("many", many); // many
        let module = module.on("mine", || async move { drop(std::rc::Rc::new(1)) }); // fine
        module.guard(guards) // guards
    }
    const _: () = updraft::check_handler(&plain); // checked
"#;

/// What is said of each, all of it.
const SAID: [(&str, &[&str]); 10] = [
    (
        "plain",
        &[
            "`u32` cannot be taken from a call",
            "take `Json<u32>`",
            "Argument<2>",
        ],
    ),
    ("unread", &["Foreign", "Deserialize", "derive"]),
    ("unwritten", &["Foreign", "Serialize", "derive"]),
    (
        "no_answer",
        &["`u32` cannot be an answer", "return `Json<u32>`", "`Json<T>`"],
    ),
    (
        "may_lack",
        &[
            "`Option<updraft::Context>` cannot be taken from a call",
            "`FromData`",
        ],
    ),
    ("not_async", &["`&'static str` is not a future"]),
    (
        "holds",
        &["cannot be sent between threads", "MutexGuard", "await"],
    ),
    (
        "many",
        &[
            "no function that a module can register",
            "at most eight arguments",
        ],
    ),
    ("guards", &["`i64` cannot be taken from a call", "Argument<2>"]),
    ("checked", &["`u32` cannot be taken from a call", "Argument<2>"]),
];

/// Takes the call's data twice, each in its own way.
const TWICE: &str = r#"
    use updraft::{Data, Json};

    async fn both(_: Json<Vec<u8>>, _: Option<String>) {}
    const _: () = updraft::check_handler(&both);
    async fn once(_: Json<Vec<u8>>, _: updraft::Call, _: updraft::Context) {}
    const _: () = updraft::check_handler(&once);

    pub fn main() {
        let _ = updraft::Module::new("api").on("three", async |_: Data, _: String, _: Json<u8>| {});
    }
"#;

#[test]
fn the_compiler_says_which_part_of_a_function_is_wrong() {
    let errors = compile("wrong", WRONG);
    for (marker, words) in SAID {
        let of_line = |error: &&String| error.contains(&format!("// {marker}\n"));
        let said: String = errors.iter().filter(of_line).map(String::as_str).collect();
        for word in words {
            assert!(said.contains(word), "of `{marker}` must be said: {word}\n{said}");
        }
    }
    assert!(
        !errors.iter().any(|error| error.contains("// fine")),
        "{errors:?}"
    );
}

#[test]
fn data_is_taken_once() {
    let errors = compile("twice", TWICE).concat();
    let refused = errors.matches("several arguments take the call's `data`").count();
    assert!(refused >= 1, "{errors}");
    assert!(!errors.contains("check_handler(&once)"), "{errors}");
}

/// Compiles a program with the compiler that has built this test, against the library that it has built; the errors.
fn compile(name: &str, source: &str) -> Vec<String> {
    let tests = env::current_exe().unwrap();
    let built = tests.parent().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("{name}.rs"));
    fs::write(&file, source).unwrap();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=metadata",
            "--error-format=human",
            "--color=never",
        ])
        .arg("--extern")
        .arg(format!("updraft={}", library(built).display()))
        .arg("-L")
        .arg(format!("dependency={}", built.display()))
        .arg("--out-dir")
        .args([directory.path(), file.as_path()])
        .output()
        .expect("the compiler");
    assert!(!output.status.success(), "{name} compiles");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("can't find crate"), "{said}");
    said.split("\nerror").map(|error| format!("{error}\n")).collect()
}

/// The library as it was built last.
fn library(built: &Path) -> PathBuf {
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        name.starts_with("libupdraft-") && name.ends_with(".rlib")
    };
    let entries = fs::read_dir(built).unwrap().map(Result::unwrap).filter(is_ours);
    let newest = entries.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
    newest.expect("the library beside its tests").path()
}
