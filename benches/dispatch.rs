//! What it costs to find a function, in tables of three sizes, and what the other ways of dispatch would cost:
//! a new instance per call, and a module that is loaded per call. `cargo bench --bench dispatch`; add
//! `-- --test` for a run of seconds.

#![allow(missing_docs)] // the functions' names are the table's
#![allow(clippy::unwrap_used)]

mod null_peer;

use std::{
    collections::HashMap,
    fs,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use divan::Bencher;
use futures_util::{FutureExt, future::BoxFuture};
use null_peer::NullPeer;
use serde::Deserialize;
use updraft::{
    Data, Module, Registry,
    payload::{Arrived, Dispatcher, Limits, Peer, States},
};

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [10, 100, 10_000];

async fn echo(data: Data) -> Data {
    data
}

fn registry(functions: usize) -> Registry {
    let modules = (0..functions / 10).map(|number| {
        (0..10).fold(Module::new(path(number)), |module, function| {
            module.on(format!("function{function}"), echo)
        })
    });
    Registry::new(modules.collect(), &States::default()).unwrap()
}

fn path(module: usize) -> String {
    format!("api.services.module{module}")
}

/// Names that are registered, in an order that jumps about the table, as a packet's text has them: each in
/// its own memory.
fn names(registry: &Registry) -> impl Fn() -> String + Sync + use<> {
    let names: Vec<String> = registry.names().iter().map(ToString::to_string).collect();
    let next = AtomicUsize::new(0);
    // A step that divides none of the sizes meets every name.
    move || names[next.fetch_add(7919, Ordering::Relaxed) % names.len()].clone()
}

/// The look-up alone.
#[divan::bench(args = SIZES)]
fn find(bencher: Bencher<'_, '_>, functions: usize) {
    let registry = registry(functions);
    let name = names(&registry);
    bencher
        .with_inputs(name)
        .bench_refs(|name| assert!(registry.contains(name)));
}

/// The look-up of a name that nobody registered.
#[divan::bench(args = SIZES)]
fn find_nothing(bencher: Bencher<'_, '_>, functions: usize) {
    let registry = registry(functions);
    bencher.bench(|| registry.contains(black_box("api.services.module7.function99")));
}

/// From a packet to the answer's data: decoded, found, run.
#[divan::bench(args = SIZES)]
fn answer(bencher: Bencher<'_, '_>, functions: usize) {
    let registry = registry(functions);
    let name = names(&registry);
    let dispatcher = Dispatcher::new(
        registry,
        States::default(),
        Limits::default(),
        Duration::from_secs(30),
    );
    let peer: Arc<dyn Peer> = Arc::new(NullPeer::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _time = runtime.enter();
    bencher
        .with_inputs(|| Arrived {
            text: format!(r#"["event",{{"event":"{}","data":{{"text":"hello"}}}}]"#, name()).into(),
            attachments: Vec::new(),
        })
        .bench_local_values(|arrived| {
            let answer = dispatcher.answer(arrived, peer.clone()).now_or_never().unwrap();
            assert!(answer.result.is_ok());
        });
}

/// The same function dispatched in each of the ways that the proof of concept could have taken. All read one
/// small definition; they differ in when.
mod ways {
    use super::*;

    /// What a module needs to know before it can answer.
    #[derive(Clone, Deserialize)]
    struct Definition {
        greeting: String,
        languages: Vec<String>,
    }

    const DEFINITION: &str = r#"{"greeting":"You're welcome","languages":["de","en","fr","uk"]}"#;

    /// Names that each table holds, this one among them.
    const NAME: &str = "api.services.module7";

    impl Definition {
        fn read(json: &str) -> Self {
            serde_json::from_str(json).unwrap()
        }

        fn answer(&self) -> BoxFuture<'_, usize> {
            async { self.greeting.len() + self.languages.len() }.boxed()
        }
    }

    fn table<T>(entry: impl Fn() -> T) -> HashMap<String, T> {
        (0..100).map(|number| (path(number), entry())).collect()
    }

    fn run(definition: &Definition) -> usize {
        definition.answer().now_or_never().unwrap()
    }

    /// One instance each, made at start.
    #[divan::bench]
    fn a_static_table(bencher: Bencher<'_, '_>) {
        let table = table(|| Definition::read(DEFINITION));
        bencher.bench(|| run(&table[black_box(NAME)]));
    }

    /// The table holds what makes an instance; each call makes one from a shared definition.
    #[divan::bench]
    fn b_new_instance_per_call(bencher: Bencher<'_, '_>) {
        let definition = Definition::read(DEFINITION);
        let table = table(|| definition.clone());
        bencher.bench(|| run(&Box::new(table[black_box(NAME)].clone())));
    }

    /// Each call looks whether the file has changed, and else takes what is in memory.
    #[divan::bench]
    fn c_loaded_when_changed(bencher: Bencher<'_, '_>) {
        let file = DefinitionFile::new();
        let loaded = fs::metadata(file.path()).unwrap().modified().unwrap();
        let table = table(|| Definition::read(DEFINITION));
        bencher.bench(|| {
            assert_eq!(fs::metadata(file.path()).unwrap().modified().unwrap(), loaded);
            run(&table[black_box(NAME)])
        });
    }

    /// Each call reads the file and parses it.
    #[divan::bench]
    fn d_loaded_per_call(bencher: Bencher<'_, '_>) {
        let file = DefinitionFile::new();
        bencher.bench(|| run(&Definition::read(&fs::read_to_string(file.path()).unwrap())));
    }

    /// A file that holds the definition, until it is dropped.
    struct DefinitionFile(tempfile::TempDir);

    impl DefinitionFile {
        fn new() -> Self {
            let file = Self(tempfile::tempdir().unwrap());
            fs::write(file.path(), DEFINITION).unwrap();
            file
        }

        fn path(&self) -> std::path::PathBuf {
            self.0.path().join("definition.json")
        }
    }
}
