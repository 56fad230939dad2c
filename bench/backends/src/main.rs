//! base64 and gzip decoders side by side, each in turn, CPU time of this thread; medians.

#[path = "../../../benches/fixture/board.rs"]
mod board;

use std::{
    hint::black_box,
    io::{Read, Write},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use board::Board;
use flate2::{Compression, Decompress, FlushDecompress, bufread::MultiGzDecoder, write::GzEncoder};

/// Rounds in which every candidate has its turn.
const ROUNDS: usize = 41;

/// Bytes of JSON that each turn unpacks at least.
const TURN: usize = 4 << 20;

type Candidate<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

fn main() {
    for size in [128, 16 << 10, 256 << 10] {
        let json = Board::of_size(size).json();
        let gzip = gzip(json.as_bytes());
        let packed = BASE64_STANDARD.encode(&gzip);
        println!(
            "\n{size} bytes of JSON, {} of gzip, {} of base64",
            gzip.len(),
            packed.len()
        );
        compare(size, base64_of(&packed));
        compare(size, gzip_of(&gzip, json.len()));
    }
}

fn base64_of(packed: &str) -> Vec<Candidate<'_>> {
    let simd = base64::engine::Simd::standard(base64::engine::general_purpose::PAD);
    vec![
        (
            "base64 GeneralPurpose",
            Box::new(move || BASE64_STANDARD.decode(packed).expect("base64").len()),
        ),
        (
            "base64 Simd",
            Box::new(move || simd.decode(packed).expect("base64").len()),
        ),
        (
            "base64-simd",
            Box::new(move || base64_simd::STANDARD.decode_to_vec(packed).expect("base64").len()),
        ),
        (
            "data-encoding",
            Box::new(move || {
                data_encoding::BASE64
                    .decode(packed.as_bytes())
                    .expect("base64")
                    .len()
            }),
        ),
    ]
}

fn gzip_of(gzip: &[u8], size: usize) -> Vec<Candidate<'_>> {
    let mut candidates: Vec<Candidate<'_>> = vec![
        (
            "flate2 stream",
            Box::new(move || {
                let mut unpacked = Vec::with_capacity(size + 1);
                MultiGzDecoder::new(gzip)
                    .read_to_end(&mut unpacked)
                    .expect("gzip");
                unpacked.len()
            }),
        ),
        (
            "libdeflate",
            Box::new(move || {
                let mut unpacked = vec![0; size];
                libdeflater::Decompressor::new()
                    .gzip_decompress(gzip, &mut unpacked)
                    .expect("gzip")
            }),
        ),
    ];
    #[cfg(not(feature = "miniz_oxide"))]
    candidates.push((
        "flate2 at once",
        Box::new(move || {
            let mut unpacked = Vec::with_capacity(size);
            Decompress::new_gzip(15)
                .decompress_vec(gzip, &mut unpacked, FlushDecompress::Finish)
                .expect("gzip");
            unpacked.len()
        }),
    ));
    // gzip's frame is ten bytes before and eight behind; whose sum nobody checks here.
    let body = &gzip[10..gzip.len() - 8];
    candidates.push((
        "flate2 at once, no sum",
        Box::new(move || {
            let mut unpacked = Vec::with_capacity(size);
            Decompress::new(false)
                .decompress_vec(body, &mut unpacked, FlushDecompress::Finish)
                .expect("gzip");
            unpacked.len()
        }),
    ));
    candidates
}

fn compare(size: usize, mut candidates: Vec<Candidate<'_>>) {
    let times = TURN.div_ceil(size);
    let mut taken = vec![Vec::new(); candidates.len()];
    for _ in 0..ROUNDS {
        for (taken, (_, run)) in taken.iter_mut().zip(&mut candidates) {
            let start = cpu();
            (0..times).for_each(|_| {
                black_box(run());
            });
            taken.push((cpu() - start) / times as u32);
        }
    }
    for (taken, (name, _)) in taken.iter_mut().zip(&candidates) {
        taken.sort_unstable();
        println!(
            "{name:>24} {:>10.2} µs",
            taken[ROUNDS / 2].as_nanos() as f64 / 1000.0
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
