//! What is asked again when a picture's time is over: of memory, of the disk, after a restart, with damaged files.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::config::DiskConfig;
use crate::sources::Validator;

const SECOND: u64 = 1000;
const DAY: u64 = 24 * 60 * 60 * SECOND;

/// A clock that the test turns.
struct Turned(AtomicU64);

impl Clock for Turned {
    fn millis(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

struct World {
    derivatives: Derivatives,
    clock: Arc<Turned>,
    metrics: Arc<Metrics>,
}

/// What the source answers.
#[derive(Clone, Copy)]
enum Source {
    Unchanged,
    Content(&'static str, Option<&'static str>),
    Gone,
}

impl World {
    async fn new(memory_bytes: usize, disk: Option<&Path>) -> Self {
        let clock = Arc::new(Turned(AtomicU64::new(1_700_000_000_000)));
        Self::at(clock, memory_bytes, disk).await
    }

    async fn at(clock: Arc<Turned>, memory_bytes: usize, disk: Option<&Path>) -> Self {
        let bytes = if disk.is_some() { 16 << 20 } else { 0 };
        let disk = DiskConfig { folder: disk.unwrap_or(Path::new("")).to_owned(), bytes, least_free_bytes: 0 };
        let config = DerivativesConfig { memory_bytes, ttl: Duration::from_secs(60), disk };
        let metrics = Arc::new(Metrics::new(0));
        let asked: Arc<Turned> = Arc::clone(&clock);
        Self { derivatives: Derivatives::open(&config, asked, Arc::clone(&metrics)).await, clock, metrics }
    }

    fn pass(&self, millis: u64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Asks as delivery does; the picture's text, and what the source was asked by, if it was asked.
    async fn ask(&self, name: &str, source: Source) -> (Result<String, Code>, Option<Option<String>>) {
        let asked_by = Arc::new(Mutex::new(None));
        let told = Arc::clone(&asked_by);
        let name = Name { text: name.into(), ttl: Duration::MAX };
        let work = |mut progress: Progress| async move {
            if let Some(kept) = progress.on_disk().await {
                return Ok(kept);
            }
            let validator = progress.validator().map(|held| held.as_str().to_owned());
            *told.lock().unwrap() = Some(validator);
            let (content, validator) = match source {
                Source::Unchanged => return progress.unchanged(),
                Source::Gone => return Err(Code::SourceNotFound.into()),
                Source::Content(content, validator) => (content, validator),
            };
            let validator = validator.and_then(|text| Validator::new(text.into()));
            if let Some(kept) = progress.unchanged_content(content, validator.as_ref()) {
                return Ok(kept);
            }
            progress.fetched(content.into()).await;
            let bytes = format!("picture of {content}").repeat(1000).into();
            Ok(progress.made(Made { source_version: content.into(), bytes, format: Format::Png }, validator))
        };
        let asked = self.derivatives.ask(name, work);
        let made = match asked {
            Ok(asked) => asked.made().await,
            Err(denial) => Err(denial),
        };
        let asked_by = asked_by.lock().unwrap().take();
        let text = made.map(|made| {
            let content = made.source_version.to_string();
            assert_eq!(made.bytes, format!("picture of {content}").repeat(1000));
            content
        });
        (text.map_err(|denial| denial.code), asked_by)
    }

    /// Asks for a picture that is not kept.
    async fn make(&self, name: &str, content: &'static str, validator: Option<&'static str>) {
        assert_eq!(self.ask(name, Source::Content(content, validator)).await, (ok(content), Some(None)));
    }

    fn count(&self, result: &str) -> usize {
        let line = format!("sealpix_derivatives_total{{result=\"{result}\"}} ");
        let text = self.metrics.text().unwrap();
        text.lines().find_map(|held| held.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    }
}

fn ok(text: &str) -> Result<String, Code> {
    Ok(text.to_owned())
}

fn by(validator: &str) -> Option<Option<String>> {
    Some(Some(validator.to_owned()))
}

const ETAG: Option<&str> = Some("\"1\"");

#[tokio::test]
async fn an_old_picture_is_asked_about_and_good_for_another_time_if_its_source_is_unchanged() {
    let world = World::new(1 << 20, None).await;
    assert_eq!(world.ask("a", Source::Content("v1", ETAG)).await, (ok("v1"), Some(None)));
    for _ in 0..3 {
        world.pass(59 * SECOND);
        assert_eq!(world.ask("a", Source::Gone).await, (ok("v1"), None), "good");
        world.pass(SECOND);
        assert_eq!(world.ask("a", Source::Unchanged).await, (ok("v1"), by("\"1\"")));
    }
    world.pass(60 * SECOND);
    assert_eq!(world.ask("a", Source::Content("v2", Some("\"2\""))).await, (ok("v2"), by("\"1\"")));
    world.pass(60 * SECOND);
    assert_eq!(world.ask("a", Source::Unchanged).await, (ok("v2"), by("\"2\"")));
    world.pass(60 * SECOND);
    assert_eq!(world.ask("a", Source::Gone).await, (Err(Code::SourceNotFound), by("\"2\"")));
    assert_eq!(["made", "renewed", "memory"].map(|result| world.count(result)), [2, 4, 3]);
}

#[tokio::test]
async fn the_same_content_is_not_worked_again_whatever_the_source_says_of_it() {
    let world = World::new(1 << 20, None).await;
    world.make("a", "v1", None).await;
    world.pass(60 * SECOND);
    assert_eq!(world.ask("a", Source::Content("v1", ETAG)).await, (ok("v1"), Some(None)), "nothing to ask by");
    world.pass(60 * SECOND);
    assert_eq!(world.ask("a", Source::Content("v1", Some("\"2\""))).await, (ok("v1"), by("\"1\"")));
    assert_eq!((world.count("made"), world.count("renewed")), (1, 2));
}

#[tokio::test]
async fn a_source_that_always_says_unchanged_is_fetched_whole_after_a_day() {
    let world = World::new(1 << 20, None).await;
    world.make("a", "v1", ETAG).await;
    for _ in 0..23 {
        world.pass(DAY / 24);
        assert_eq!(world.ask("a", Source::Unchanged).await, (ok("v1"), by("\"1\"")));
    }
    world.pass(DAY / 24);
    assert_eq!(world.ask("a", Source::Content("v2", ETAG)).await, (ok("v2"), Some(None)));
}

#[tokio::test]
async fn an_answer_to_what_was_not_asked_is_a_fault_and_a_clock_set_back_keeps_nothing_good() {
    let world = World::new(1 << 20, None).await;
    assert_eq!(world.ask("a", Source::Unchanged).await.0, Err(Code::Internal));
    world.make("a", "v1", ETAG).await;
    world.clock.0.fetch_sub(1, Ordering::SeqCst);
    assert_eq!(world.ask("a", Source::Content("v2", ETAG)).await, (ok("v2"), Some(None)));
}

#[tokio::test]
async fn the_disk_answers_after_a_restart_and_asks_the_source_when_the_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let first = World::new(1 << 20, Some(folder.path())).await;
    first.make("a", "v1", ETAG).await;
    first.make("b", "v2", None).await;
    settled(&first, &["a", "b"]).await;
    first.derivatives.close().await;
    let clock = Arc::clone(&first.clock);
    drop(first);

    let second = World::at(clock, 1 << 20, Some(folder.path())).await;
    second.pass(59 * SECOND);
    assert_eq!(second.ask("a", Source::Gone).await, (ok("v1"), None), "good on disk");
    assert_eq!(second.ask("a", Source::Gone).await, (ok("v1"), None), "and now in memory");
    assert_eq!(["disk", "memory"].map(|result| second.count(result)), [1, 1]);
    assert_eq!(second.ask("other", Source::Gone).await.1, Some(None));
    second.pass(SECOND);
    assert_eq!(second.ask("a", Source::Unchanged).await, (ok("v1"), by("\"1\"")));
    assert_eq!(second.ask("b", Source::Content("v2", None)).await, (ok("v2"), Some(None)));
    assert_eq!((second.count("made"), second.count("renewed")), (1, 2));
    second.derivatives.close().await;
}

#[tokio::test]
async fn without_memory_the_disk_knows_that_a_source_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(0, Some(folder.path())).await;
    world.make("a", "v1", ETAG).await;
    settled(&world, &["a"]).await;
    world.pass(60 * SECOND);
    assert_eq!(world.ask("a", Source::Unchanged).await, (ok("v1"), by("\"1\"")));
    // It is written behind the answer.
    let asked = async {
        while world.ask("a", Source::Unchanged).await.1.is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
    world.derivatives.close().await;
}

#[tokio::test]
async fn cache14_a_damaged_byte_is_a_miss_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    let world = World::new(0, Some(folder.path())).await;
    for name in &names {
        world.make(name, "v1", None).await;
    }
    settled(&world, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.derivatives.close().await;
    drop(world);
    // One byte in every 4 KiB that were written: each entry is hit, and so are foyer's own.
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let written: Vec<_> =
            (0..bytes.len() / 4096).filter(|page| bytes[page * 4096..][..4096] != [0; 4096]).collect();
        for page in written.into_iter().skip(1).step_by(2) {
            bytes[page * 4096 + 1000] ^= 1;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    let world = World::new(0, Some(folder.path())).await;
    let mut found = 0;
    for name in &names {
        // The bytes of what is found are compared by `ask`.
        let (picture, asked) = world.ask(name, Source::Content("v1", None)).await;
        assert_eq!(picture, ok("v1"));
        found += usize::from(asked.is_none());
    }
    println!("{found} of {} found", names.len());
    assert!(found < names.len() && world.count("made") == names.len() - found);
    world.derivatives.close().await;
}

#[tokio::test]
async fn a_folder_that_another_has_and_one_that_does_not_open_are_gone_without() {
    let folder = tempfile::tempdir().unwrap();
    let _first = World::new(0, Some(folder.path())).await;
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for taken in [folder.path(), &file.join("below")] {
        let world = World::new(1 << 20, Some(taken)).await;
        assert_eq!(world.ask("a", Source::Content("v1", None)).await, (ok("v1"), Some(None)));
        assert!(world.metrics.text().unwrap().contains("sealpix_derivative_disk_errors_total 1\n"));
    }
}

/// Waits until the names are on disk: what they hold is written behind the answers.
async fn settled(world: &World, names: &[&str]) {
    for name in names {
        let name = Name { text: (*name).into(), ttl: Duration::MAX };
        let found = async {
            while world.derivatives.shelf.disk.find(&name).await.is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.unwrap();
    }
}
