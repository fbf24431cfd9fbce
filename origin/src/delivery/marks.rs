//! Watermarks as they are laid: read from the registry and decoded once, then kept while there is room.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use sealpix::denial::{Code, Denial};
use sealpix::operations::{Name, Operations};
use sealpix::record::ProjectRecord;
use sealpix::target::Slug;

use super::internal;
use crate::images::Mark;
use crate::registry::Registry;

/// Bytes of decoded watermarks that are kept: four of the largest, some hundreds of the common kind.
const MAX_BYTES: usize = 64 << 20;

/// A watermark and the version of it that this is.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) mark: Arc<Mark>,
    pub(super) version: u64,
}

/// The watermarks that were laid lately.
#[derive(Default)]
pub(super) struct Marks {
    kept: Mutex<Kept>,
    /// One is read and decoded at a time: whoever waits for the same one finds it kept.
    reading: tokio::sync::Mutex<()>,
}

struct Kept {
    marks: LruCache<(Slug, Name), Found>,
    bytes: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self { marks: LruCache::new_unbounded(), bytes: 0 }
    }
}

impl Kept {
    fn keep(&mut self, name: (Slug, Name), found: Found) {
        self.bytes += found.mark.held_bytes();
        if let Some(old) = self.marks.insert(name, found) {
            self.bytes -= old.mark.held_bytes();
        }
        while self.bytes > MAX_BYTES
            && let Some((_, gone)) = self.marks.remove_lru()
        {
            self.bytes -= gone.mark.held_bytes();
        }
    }
}

impl Marks {
    /// The watermark that the operations name, as the registry has it; none where they name none.
    ///
    /// # Errors
    /// `operation_not_allowed`: it was removed after the gate was asked. `internal`: the registry or the picture in it.
    pub(super) async fn find(
        &self,
        registry: &Registry,
        project: &ProjectRecord,
        operations: &Operations,
    ) -> Result<Option<Found>, Denial> {
        let Some(asked) = &operations.watermark else { return Ok(None) };
        let version = project.watermark(&asked.name).map(|grant| grant.version);
        let name = (project.slug.clone(), asked.name.clone());
        if let Some(found) = self.kept(&name, version) {
            return Ok(Some(found));
        }
        let _turn = self.reading.lock().await;
        if let Some(found) = self.kept(&name, version) {
            return Ok(Some(found));
        }
        let stored = registry.watermark_picture(&name.0, &name.1).await.map_err(|error| internal(&error))?;
        let gone = || Denial::new(Code::OperationNotAllowed, format!("the project has no watermark {}", asked.name));
        let stored = stored.ok_or_else(gone)?;
        let opened = tokio::task::spawn_blocking(move || Mark::open(&stored.value)).await;
        let mark = opened.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
        let found = Found { mark: Arc::new(mark), version: stored.version };
        self.lock().keep(name, found.clone());
        Ok(Some(found))
    }

    fn kept(&self, name: &(Slug, Name), version: Option<u64>) -> Option<Found> {
        self.lock().marks.get(name).filter(|found| Some(found.version) == version).cloned()
    }

    /// Nothing that panics happens under the lock.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mark that holds 3 bytes a pixel.
    fn found(width: u32, height: u32, version: u64) -> Found {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![9; (width * height * 3) as usize]).unwrap();
        writer.finish().unwrap();
        Found { mark: Arc::new(Mark::open(&bytes).unwrap()), version }
    }

    fn name(text: &str) -> (Slug, Name) {
        (Slug::new("my-app").unwrap(), Name::new(text).unwrap())
    }

    #[test]
    fn what_is_kept_is_of_its_version_and_within_its_bytes() {
        let marks = Marks::default();
        marks.lock().keep(name("logo"), found(10, 10, 7));
        assert!(marks.kept(&name("logo"), Some(7)).is_some());
        for version in [None, Some(6), Some(8)] {
            assert!(marks.kept(&name("logo"), version).is_none(), "{version:?}");
        }
        assert!(marks.kept(&name("other"), Some(7)).is_none());
        marks.lock().keep(name("logo"), found(20, 10, 8));
        assert!(marks.kept(&name("logo"), Some(8)).is_some());
        assert_eq!(marks.lock().bytes, 600, "the old one is gone");

        let large = found(2000, 2000, 1);
        for number in 0..9 {
            marks.lock().keep(name(&format!("large-{number}")), large.clone());
            let counted: usize = marks.lock().marks.iter().map(|(_, found)| found.mark.held_bytes()).sum();
            assert_eq!(counted, marks.lock().bytes);
            assert!(counted <= MAX_BYTES);
        }
        assert!(marks.kept(&name("logo"), Some(8)).is_none() && marks.kept(&name("large-0"), Some(1)).is_none());
        assert!(marks.kept(&name("large-8"), Some(1)).is_some());
    }
}
