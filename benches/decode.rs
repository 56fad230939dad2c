//! What it costs to read a call in each of its forms, and what the floor under that is: the parser alone, or
//! base64 and inflate alone. `cargo bench --bench decode`; add `-- --test` for a run of seconds.

#![allow(missing_docs)] // the functions' names are the table's
#![allow(clippy::unwrap_used)]

mod fixture;

use std::{fmt, hint::black_box};

use divan::{Bencher, counter::BytesCount};
use fixture::{Board, base64_of, gzip, object, packet, packet_with, placeholder};
use serde::Deserialize;
use serde_json::value::RawValue;
use updraft::payload::{Arrived, Call, Limits};

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [128, 16 << 10, 256 << 10];

/// How a call travels.
#[derive(Clone, Copy)]
enum Form {
    Object,
    Array,
    JsonText,
    Base64Gzip,
    Base64Plain,
    BufferJson,
    BufferGzip,
    DataPacked,
    DataBuffer,
    DataWithBufferInside,
}

/// A form, and about how many bytes of JSON its `data` is.
struct Case {
    form: Form,
    name: &'static str,
    size: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.size {
            small if small < 1024 => format!("{small} B"),
            large => format!("{} KB", large / 1024),
        };
        write!(f, "{} {size}", self.name)
    }
}

/// Every form whose data is a board.
fn forms() -> Vec<Case> {
    cases(&[
        (Form::Object, "object"),
        (Form::Array, "array"),
        (Form::JsonText, "JSON text"),
        (Form::Base64Gzip, "base64 of gzip"),
        (Form::Base64Plain, "base64"),
        (Form::BufferJson, "Buffer of JSON"),
        (Form::BufferGzip, "Buffer of gzip"),
        (Form::DataPacked, "data gzip+base64"),
        (Form::DataBuffer, "data a Buffer"),
    ])
}

/// The forms whose data is JSON with a Buffer inside.
fn forms_with_buffer_inside() -> Vec<Case> {
    cases(&[(Form::DataWithBufferInside, "data with a Buffer inside")])
}

/// The forms whose data can be asked for as bytes.
fn forms_of_bytes() -> Vec<Case> {
    cases(&[
        (Form::DataPacked, "data gzip+base64"),
        (Form::DataBuffer, "data a Buffer"),
    ])
}

fn cases(forms: &[(Form, &'static str)]) -> Vec<Case> {
    let of_size = |size| forms.iter().map(move |&(form, name)| Case { form, name, size });
    SIZES.into_iter().flat_map(of_size).collect()
}

impl Case {
    fn json(&self) -> String {
        Board::of_size(self.size).json()
    }

    fn arrived(&self) -> Arrived {
        let json = self.json();
        let call = object(&json);
        let text = |text: &str| packet(&serde_json::to_string(text).unwrap());
        match self.form {
            Form::Object => packet(&call),
            Form::Array => packet(&format!(r#"["{}",{json}]"#, fixture::EVENT)),
            Form::JsonText => text(&call),
            Form::Base64Gzip => text(&base64_of(&gzip(call.as_bytes()))),
            Form::Base64Plain => text(&base64_of(call.as_bytes())),
            Form::BufferJson => packet_with(&placeholder(0), vec![call.into()]),
            Form::BufferGzip => packet_with(&placeholder(0), vec![gzip(call.as_bytes())]),
            Form::DataPacked => packet(&object(&format!(r#""{}""#, base64_of(&gzip(json.as_bytes()))))),
            Form::DataBuffer => packet_with(&object(&placeholder(0)), vec![json.into()]),
            Form::DataWithBufferInside => packet_with(
                &object(&format!(r#"{{"name":"board","file":{}}}"#, placeholder(0))),
                vec![json.into()],
            ),
        }
    }
}

fn measure<T>(bencher: Bencher<'_, '_>, case: &Case, read: impl Fn(Call) -> T + Sync) {
    let arrived = case.arrived();
    let limits = Limits::default();
    bencher
        .counter(BytesCount::new(case.size))
        .with_inputs(|| arrived.clone())
        .bench_values(|arrived| read(Call::decode(arrived, &limits).unwrap()));
}

/// The outside alone: a function that takes no data.
#[divan::bench(args = forms())]
fn call(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case, |call| call);
}

/// A function that takes `Json<Board>`.
#[divan::bench(args = forms())]
fn call_and_json(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case, |call| call.json::<Board>().unwrap());
}

/// A function that takes `Data`.
#[divan::bench(args = forms())]
fn call_and_data(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case, |call| call.data().unwrap());
}

/// A function that takes `Bytes`.
#[divan::bench(args = forms_of_bytes())]
fn call_and_bytes(bencher: Bencher<'_, '_>, case: &Case) {
    measure(bencher, case, |call| call.bytes().unwrap());
}

/// A function that takes `Json<File>`, where `file` is a Buffer.
#[divan::bench(args = forms_with_buffer_inside())]
fn call_and_json_with_buffer(bencher: Bencher<'_, '_>, case: &Case) {
    #[derive(Deserialize)]
    struct File {
        file: bytes::Bytes,
    }
    measure(bencher, case, |call| call.json::<File>().unwrap().file);
}

/// Beneath the plain forms: serde_json skips over the packet once; `data` is not read.
#[divan::bench(args = SIZES)]
fn floor_skip(bencher: Bencher<'_, '_>, size: usize) {
    #[derive(Deserialize)]
    struct Outside<'a> {
        event: &'a str,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let text = packet(&object(&Board::of_size(size).json())).text;
    bencher.counter(BytesCount::new(size)).bench(|| {
        let (_, call): (&str, Outside<'_>) = serde_json::from_str(black_box(&text)).unwrap();
        (call.event.len(), call.data.get().len())
    });
}

/// Beneath `Json<Board>`: the parser alone.
#[divan::bench(args = SIZES)]
fn floor_json(bencher: Bencher<'_, '_>, size: usize) {
    let json = Board::of_size(size).json();
    bencher
        .counter(BytesCount::new(size))
        .bench(|| serde_json::from_str::<Board>(black_box(&json)).unwrap());
}

/// Beneath the packed forms: base64 and inflate alone.
#[divan::bench(args = SIZES)]
fn floor_base64_gzip(bencher: Bencher<'_, '_>, size: usize) {
    let packed = base64_of(&gzip(Board::of_size(size).json().as_bytes()));
    bencher
        .counter(BytesCount::new(size))
        .bench(|| fixture::unpacked(black_box(&packed)));
}
