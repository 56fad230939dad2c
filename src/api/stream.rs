//! `api.stream`: streams in each direction. Numbers that go on where they were, a topic, and Buffers down and up with their
//! digest.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use updraft::{
    After, CallError, Code, Context, Frames, Incoming, Json, Module, Position, Result, payload::Written,
};

/// Bytes of a Buffer.
const CHUNK: usize = 64 << 10;

/// Most bytes of a download: 10 GB.
const MOST: u64 = 10_000_000_000;

pub(crate) fn module() -> Module {
    Module::new("api.stream")
        .on("count", count)
        .on("tail", tail)
        .on("upload", upload)
        .on("download", download)
}

#[derive(Deserialize)]
struct Count {
    to: u64,
    every_ms: Option<u64>,
}

/// The numbers from 0 on below `to`, as fast as the client takes them, or one `every_ms`. It goes on where a client was.
async fn count(Json(count): Json<Count>, After(after): After) -> Frames<impl Stream<Item = Json<u64>>> {
    let numbers = after.unwrap_or_default()..count.to;
    let pause = count.every_ms.map(Duration::from_millis);
    Frames(stream::unfold(numbers, move |numbers| {
        next_number(numbers, pause)
    }))
}

async fn next_number(mut numbers: Range<u64>, pause: Option<Duration>) -> Option<(Json<u64>, Range<u64>)> {
    let number = numbers.next()?;
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    Some((Json(number), numbers))
}

#[derive(Deserialize)]
struct Tail {
    topic: String,
    since: Option<Position>,
}

/// A topic, each frame a packet as its subscribers get it.
async fn tail(
    Json(tail): Json<Tail>,
    cx: Context,
) -> Result<Frames<impl Stream<Item = Result<Json<Written>>>>> {
    cx.topic_stream(&tail.topic, tail.since.as_ref())
        .await
        .map(Frames)
}

/// What came of an upload.
#[derive(Serialize)]
struct Uploaded {
    size: u64,
    sha256: String,
}

async fn upload(mut buffers: Incoming<Bytes>) -> Result<Json<Uploaded>> {
    let (mut size, mut digest) = (0, Sha256::new());
    while let Some(buffer) = buffers.next().await {
        let buffer = buffer?;
        size += buffer.len() as u64;
        digest.update(&buffer);
    }
    let sha256 = hex(digest);
    Ok(Json(Uploaded { size, sha256 }))
}

#[derive(Deserialize)]
struct Download {
    bytes: u64,
}

/// A frame of a download.
#[derive(Serialize)]
#[serde(untagged)]
enum Part {
    Buffer(Bytes),
    Digest { sha256: String },
}

/// So many bytes that look random, the same each time; the last frame is their digest.
async fn download(Json(asked): Json<Download>) -> Result<Frames<impl Stream<Item = Json<Part>>>> {
    if asked.bytes > MOST {
        return Err(CallError::new(
            Code::InvalidData,
            format!("data.bytes: at most {MOST}"),
        ));
    }
    let making = Making {
        left: asked.bytes,
        digest: Sha256::new(),
        random: 0,
    };
    Ok(Frames(stream::unfold(Some(making), async |making| {
        Some(making?.next_part())
    })))
}

/// A download up to here.
struct Making {
    left: u64,
    digest: Sha256,
    /// The state of SplitMix64.
    random: u64,
}

impl Making {
    /// The next part, and what is left after it.
    fn next_part(mut self) -> (Json<Part>, Option<Self>) {
        let size = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        if size == 0 {
            let sha256 = hex(self.digest);
            return (Json(Part::Digest { sha256 }), None);
        }
        let buffer = self.random_bytes(size);
        self.left -= size as u64;
        self.digest.update(&buffer);
        (Json(Part::Buffer(buffer)), Some(self))
    }

    fn random_bytes(&mut self, size: usize) -> Bytes {
        let mut bytes = vec![0; size];
        for eight in bytes.chunks_mut(8) {
            eight.copy_from_slice(&self.random().to_le_bytes()[..eight.len()]);
        }
        bytes.into()
    }

    /// SplitMix64: Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn hex(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn making(left: u64) -> Making {
        Making {
            left,
            digest: Sha256::new(),
            random: 0,
        }
    }

    /// Buffers of a download, and the digest that it says.
    fn downloaded(bytes: u64) -> (Vec<Bytes>, String) {
        let (mut buffers, mut made) = (Vec::new(), making(bytes));
        loop {
            match made.next_part() {
                (Json(Part::Buffer(buffer)), Some(rest)) => {
                    buffers.push(buffer);
                    made = rest;
                }
                (Json(Part::Digest { sha256 }), None) => return (buffers, sha256),
                _ => panic!("the digest is the last part, and nothing else is"),
            }
        }
    }

    #[test]
    fn a_download_has_as_many_bytes_as_were_asked_for_and_their_digest_at_last() {
        for bytes in [0, 1, 7, CHUNK as u64 - 1, CHUNK as u64, CHUNK as u64 + 9, 300_000] {
            let (buffers, sha256) = downloaded(bytes);
            let whole = buffers.concat();
            assert_eq!(whole.len() as u64, bytes);
            assert!(buffers.iter().all(|buffer| buffer.len() <= CHUNK));
            assert_eq!(sha256, hex(Sha256::new_with_prefix(&whole)));
        }
        assert_eq!(downloaded(100_000), downloaded(100_000), "the same each time");
        let (buffers, _) = downloaded(2 * CHUNK as u64);
        assert_ne!(buffers[0], buffers[1]);
    }
}
