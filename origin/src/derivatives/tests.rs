//! One piece of work and its crowd, with work that does what the test says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;

use super::*;
use crate::config::DiskConfig;

fn name(text: &str) -> Name {
    Name { text: text.into(), ttl: Duration::MAX }
}

fn picture() -> Made {
    Made { source_version: "v1".into(), bytes: Bytes::from_static(b"picture"), format: Format::Png }
}

/// As work ends with it.
fn kept() -> Kept {
    Kept { made: picture(), validator: None, checked: NOW, whole: NOW }
}

const NOW: u64 = 1_700_000_000_000;

struct Fixed;

impl Clock for Fixed {
    fn millis(&self) -> u64 {
        NOW
    }
}

/// With no memory: what these tests are about is what happens at once.
async fn derivatives() -> Derivatives {
    holding(0).await
}

async fn holding(memory_bytes: usize) -> Derivatives {
    let disk = DiskConfig { folder: PathBuf::new(), bytes: 0, least_free_bytes: 0 };
    let config = DerivativesConfig { memory_bytes, ttl: Duration::from_secs(60), disk };
    Derivatives::open(&config, Arc::new(Fixed), Arc::new(Metrics::new(0))).await
}

/// Says when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn everyone_gets_the_same_bytes_and_later_ones_a_new_piece_of_work() {
    let derivatives = derivatives().await;
    let works = Arc::new(AtomicUsize::new(0));
    for round in 1..=2 {
        let ask = || {
            let works = Arc::clone(&works);
            derivatives.ask(name("a"), |progress| async move {
                works.fetch_add(1, Ordering::SeqCst);
                progress.fetched("v1".into()).await;
                Ok(kept())
            })
        };
        let (first, second) = (ask().unwrap(), ask().unwrap());
        let (first, second) = (first.made().await.unwrap(), second.made().await.unwrap());
        assert_eq!(first.bytes.as_ptr(), second.bytes.as_ptr(), "one copy");
        assert_eq!(works.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn who_asks_for_the_version_alone_has_no_pixel_made() {
    let derivatives = derivatives().await;
    let (sender, stopped) = oneshot::channel();
    let mut held = Dropped(Some(sender));
    let work = |progress: Progress| async move {
        let _held = &mut held;
        progress.fetched("v1".into()).await;
        panic!("pixels");
    };
    let mut asked = derivatives.ask(name("a"), work).unwrap();
    assert_eq!(&*asked.source_version().await.unwrap(), "v1");
    drop(asked);
    tokio::time::timeout(Duration::from_secs(10), stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn dos9_the_work_stops_when_the_last_one_leaves_and_not_before() {
    let derivatives = derivatives().await;
    let (sender, mut stopped) = oneshot::channel();
    let held = Dropped(Some(sender));
    let work = |_| async move {
        let _held = held;
        std::future::pending().await
    };
    let (first, second) =
        (derivatives.ask(name("a"), work).unwrap(), derivatives.ask(name("a"), |_| async { Ok(kept()) }).unwrap());
    drop(first);
    tokio::time::timeout(Duration::from_millis(50), &mut stopped).await.unwrap_err();
    drop(second);
    // Before the task has ended, the name is free already; and its end takes nothing from the next.
    let next = derivatives.ask(name("a"), |_| async { Ok(kept()) }).unwrap();
    tokio::time::timeout(Duration::from_secs(10), stopped).await.unwrap().unwrap();
    assert_eq!(next.made().await, Ok(picture()));
    assert!(locked(&derivatives.state).flights.is_empty());
}

#[tokio::test]
async fn ops4_a_refusal_and_a_panic_are_shared_and_forgotten() {
    let derivatives = derivatives().await;
    let refused = || derivatives.ask(name("a"), |_| async { Err(Code::SourceNotFound.into()) }).unwrap();
    let (first, mut second) = (refused(), refused());
    assert_eq!(first.made().await.unwrap_err().code, Code::SourceNotFound);
    assert_eq!(second.source_version().await.unwrap_err().code, Code::SourceNotFound);
    let panics = || derivatives.ask(name("a"), |_| async { panic!("a fault") }).unwrap();
    let (first, second) = (panics(), panics());
    assert_eq!(first.made().await.unwrap_err().code, Code::Internal);
    assert_eq!(second.made().await.unwrap_err().code, Code::Internal);
    let made = derivatives.ask(name("a"), |_| async { Ok(kept()) }).unwrap();
    assert_eq!(made.made().await, Ok(picture()));
}

#[tokio::test]
async fn a_crowd_is_bounded_and_names_are_apart() {
    let derivatives = Derivatives { waiting_for_one: 2, ..derivatives().await };
    let ask = |text| derivatives.ask(name(text), |_| std::future::pending());
    let (first, _second) = (ask("a").unwrap(), ask("a").unwrap());
    let shed = ask("a").err().unwrap();
    assert_eq!((shed.code, shed.retry_after_secs), (Code::Overloaded, Some(RETRY_AFTER_SECS)));
    let _other = ask("b").unwrap();
    drop(first);
    ask("a").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_is_the_same_bytes_without_work_and_who_comes_between_never_begins_anew() {
    let derivatives = Arc::new(holding(1 << 20).await);
    let works = Arc::new(AtomicUsize::new(0));
    let asking = (0..200).map(|_| {
        let (derivatives, works) = (Arc::clone(&derivatives), Arc::clone(&works));
        tokio::spawn(async move {
            let work = |progress: Progress| async move {
                works.fetch_add(1, Ordering::SeqCst);
                progress.fetched("v1".into()).await;
                Ok(kept())
            };
            let mut asked = derivatives.ask(name("a"), work).unwrap();
            tokio::task::yield_now().await;
            assert_eq!(&*asked.source_version().await.unwrap(), "v1");
            asked.made().await.unwrap()
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap(), picture());
    }
    assert_eq!(works.load(Ordering::SeqCst), 1);
    let refused = derivatives.ask(name("b"), |_| async { Err(Code::SourceNotFound.into()) }).unwrap();
    assert_eq!(refused.made().await.unwrap_err().code, Code::SourceNotFound);
    let again = derivatives.ask(name("b"), |_| async { panic!("asked again") });
    assert_eq!(again.err().unwrap().code, Code::SourceNotFound);
}
