//! Two write to one stream: whatever the stream takes at a time, each frame arrives whole.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::*;

/// How often everything had left.
#[derive(Default)]
struct Told(AtomicUsize);

impl OnDrained for Told {
    fn drained(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

type Tested = Arc<Wire<DuplexStream, Told>>;

/// A wire whose client has room for so many bytes before it reads.
fn wire(room: usize) -> (Tested, DuplexStream) {
    let (ours, client) = duplex(room);
    (Wire::new(ours, Arc::default()), client)
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    let header = FrameHeader {
        opcode: OpCode::Data(Data::Text),
        ..FrameHeader::default()
    };
    header.format(text.len() as u64, &mut frame).unwrap();
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The texts of whole frames.
fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let mut cursor = Cursor::new(bytes);
        let (_, length) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
        let (start, end) = (cursor.position() as usize, first_frame(bytes));
        assert_eq!(end - start, length as usize);
        texts.push(String::from_utf8(bytes[start..end].to_vec()).unwrap());
        bytes = &bytes[end..];
    }
    texts
}

/// What the engine does with its frames: writes until all are taken, and flushes.
async fn engine_writes(wire: Tested, mut frames: Vec<u8>) {
    while !frames.is_empty() {
        let written = poll_fn(|context| Poll::Ready(wire.poll_write(context, &frames))).await;
        match written {
            Poll::Ready(written) => drop(frames.drain(..written.unwrap())),
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
    poll_fn(|context| wire.poll_flush(context)).await.unwrap();
}

#[tokio::test]
async fn what_is_sent_within_a_frame_of_the_engines_waits_for_its_end() {
    let (wire, mut client) = wire(8);
    let engines = frame("a frame of the engine's");
    let taken = poll_fn(|context| wire.poll_write(context, &engines))
        .await
        .unwrap();
    assert_eq!(taken, 8);
    assert!(wire.clone().send(&frame("straight")));
    assert!(wire.is_waiting());
    let writing = tokio::spawn(engine_writes(wire.clone(), engines[8..].to_vec()));
    let mut heard = vec![0; engines.len() + frame("straight").len()];
    client.read_exact(&mut heard).await.unwrap();
    writing.await.unwrap();
    assert_eq!(texts(&heard), ["a frame of the engine's", "straight"]);
}

#[tokio::test]
async fn who_reads_slowly_is_sent_so_much_and_no_more_and_the_rest_leaves_as_it_reads() {
    let (wire, mut client) = wire(1000);
    let one = frame(&"x".repeat(1000));
    let mut sent = 0;
    while wire.clone().send(&one) {
        sent += 1;
    }
    assert!((ROOM / one.len()..ROOM / one.len() + 4).contains(&sent), "{sent}");
    assert_eq!(wire.told.0.load(Ordering::SeqCst), 0);
    let mut heard = vec![0; sent * one.len()];
    client.read_exact(&mut heard).await.unwrap();
    while wire.is_waiting() {
        tokio::task::yield_now().await;
    }
    assert_eq!(wire.told.0.load(Ordering::SeqCst), 1);
    assert!(wire.send(&one));
}

#[tokio::test]
async fn what_is_sent_while_calls_are_read_leaves_when_they_have_been_read() {
    let (wire, mut client) = wire(1000);
    client.write_all(b"calls").await.unwrap();
    let mut buffer = [0; 100];
    let mut read = || {
        let mut buffer = ReadBuf::new(&mut buffer);
        wire.poll_read(|stream| {
            ready!(stream.poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().len()))
        })
    };
    assert!(matches!(read(), Poll::Ready(Ok(5))));
    for answer in ["one", "two"] {
        assert!(wire.clone().send(&frame(answer)));
    }
    assert!(wire.is_waiting());
    assert!(read().is_pending());
    assert!(!wire.is_waiting());
    assert_eq!(wire.told.0.load(Ordering::SeqCst), 1);
    let mut heard = vec![0; 10];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(texts(&heard), ["one", "two"]);
}

/// Flushes of what stood before it say nothing of it.
#[tokio::test]
async fn the_last_frame_has_left_once_it_is_written_whole_and_flushed() {
    let (wire, mut client) = wire(8);
    let begun = frame("begun before");
    let taken = poll_fn(|context| wire.poll_write(context, &begun)).await;
    wire.expect_last(frame("the last"));
    let before = [&begun[taken.unwrap()..], &frame("before")].concat();
    let writing = tokio::spawn(engine_writes(wire.clone(), before));
    let mut heard = vec![0; begun.len() + frame("before").len()];
    client.read_exact(&mut heard).await.unwrap();
    writing.await.unwrap();
    assert!(!wire.is_waiting());
    assert!(!wire.has_left(), "it has not come");

    assert!(wire.clone().send(&frame("straight, and more than fits")));
    let last = frame("the last");
    let writing = tokio::spawn(engine_writes(wire.clone(), last.clone()));
    let mut more = vec![0; frame("straight, and more than fits").len() + 1];
    client.read_exact(&mut more).await.unwrap();
    while wire.state().rest == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!wire.has_left(), "a part of it");
    let mut rest = vec![0; last.len() - 1];
    client.read_exact(&mut rest).await.unwrap();
    writing.await.unwrap();
    assert!(wire.has_left());
    heard.extend(more.into_iter().chain(rest));
    let expected = [
        "begun before",
        "before",
        "straight, and more than fits",
        "the last",
    ];
    assert_eq!(texts(&heard), expected);
}

#[tokio::test]
async fn what_is_written_has_left_once_it_is_flushed() {
    let (wire, _client) = wire(100);
    wire.expect_last(frame("the last"));
    let last = frame("the last");
    poll_fn(|context| wire.poll_write(context, &last)).await.unwrap();
    assert!(wire.is_waiting() && !wire.has_left());
    poll_fn(|context| wire.poll_flush(context)).await.unwrap();
    assert!(!wire.is_waiting() && wire.has_left());
}

#[tokio::test]
async fn nothing_holds_the_stream_of_a_connection_that_is_gone() {
    let (wire, mut client) = wire(10);
    assert!(wire.clone().send(&frame("more than the client has room for")));
    drop(wire);
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard.len(), 10);
}

/// What is done with a wire.
#[derive(Clone, Debug)]
enum Step {
    /// The engine is given so many frames, which it writes at once.
    Engine(usize),
    /// A frame of so many bytes goes straight.
    Straight(usize),
    /// The client reads so many bytes.
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..4_usize).prop_map(Step::Engine),
        (0..300_usize).prop_map(Step::Straight),
        (1..400_usize).prop_map(Step::Read),
    ]
}

proptest! {
    #[test]
    fn each_frame_arrives_whole_and_each_writers_in_order(
        steps in prop::collection::vec(step(), 1..60),
        room in 1..200_usize,
        mark_at in 0..60_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (wire, mut client) = wire(room);
            let (mut heard, mut engine, mut straight) = (Vec::new(), Vec::new(), Vec::new());
            let (to_engine, mut given) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
            let writer = tokio::spawn({
                let wire = wire.clone();
                async move {
                    while let Some(mut frames) = given.recv().await {
                        while let Ok(more) = given.try_recv() {
                            frames.extend(more);
                        }
                        engine_writes(wire.clone(), frames).await;
                    }
                }
            });
            let mark = frame("the mark");
            for (at, step) in steps.iter().enumerate() {
                if at == mark_at && wire.expect(mark.clone()) {
                    to_engine.send(mark.clone()).unwrap();
                }
                match step {
                    Step::Engine(count) => {
                        let texts = (0..*count).map(|_| format!("e{at} {}", "x".repeat(at * 5)));
                        let texts: Vec<_> = texts.collect();
                        to_engine.send(texts.iter().flat_map(|text| frame(text)).collect()).unwrap();
                        engine.extend(texts);
                    }
                    Step::Straight(bytes) => {
                        let text = format!("s{at} {}", "y".repeat(*bytes));
                        if wire.clone().send(&frame(&text)) {
                            straight.push(text);
                        }
                    }
                    Step::Read(bytes) => {
                        let mut buffer = vec![0; *bytes];
                        let read = client.read(&mut buffer);
                        if let Ok(Ok(read)) = tokio::time::timeout(std::time::Duration::ZERO, read).await {
                            heard.extend_from_slice(&buffer[..read]);
                        }
                    }
                }
                tokio::task::yield_now().await;
            }
            drop(to_engine);
            let ending = async {
                writer.await.unwrap();
                while wire.is_waiting() {
                    tokio::task::yield_now().await;
                }
                assert!(wire.is_clear());
                drop(wire);
            };
            let reading = async {
                client.read_to_end(&mut heard).await.unwrap();
            };
            tokio::join!(ending, reading);
            let heard = texts(&heard);
            let of = |writer: char| heard.iter().filter(move |text| text.starts_with(writer)).cloned();
            assert_eq!(of('e').collect::<Vec<_>>(), engine);
            assert_eq!(of('s').collect::<Vec<_>>(), straight);
            assert_eq!(heard.len(), engine.len() + straight.len(), "the mark was heard");
        });
    }
}
