//! The file source: a folder, opened once as a capability.
//!
//! Every name is opened relative to the folder's handle, and the operating system refuses what leads out of it: `..`,
//! absolute names, and symbolic links at any place of the way (`openat2` with `RESOLVE_BENEATH`, or the same by hand).
//! No path is compared with a prefix. Only regular files are read, and opening never waits for another process.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt};

use super::listing::{self, Listing};
use super::{FetchLimits, Fetched, Source, SourceError, Validator};
use crate::clock::{Clock as _, SystemClock};

/// The coarsest clock of a file system in use (FAT) counts in two seconds.
const SETTLED_SECS: u64 = 3;

/// A folder of originals, read-only.
#[derive(Debug, Clone)]
pub struct FileSource {
    root: Arc<Dir>,
}

impl FileSource {
    /// Opens `root`; it stays this folder, even if another one takes its name later.
    ///
    /// # Errors
    /// `root` is not a folder that can be opened.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self { root: Arc::new(Dir::open_ambient_dir(root, ambient_authority())?) })
    }

    async fn read(
        &self,
        text: &str,
        held: Option<Validator>,
        limits: &FetchLimits,
    ) -> Result<Option<Fetched>, SourceError> {
        check_name(text)?;
        let (root, name, max_bytes) = (Arc::clone(&self.root), text.to_owned(), limits.max_bytes);
        let reading = tokio::task::spawn_blocking(move || read(&root, &name, held.as_ref(), max_bytes));
        let read = tokio::time::timeout(limits.deadline, reading).await.map_err(|_| SourceError::Timeout)?;
        read.map_err(|_| SourceError::Unreadable)?
    }
}

#[async_trait]
impl Source for FileSource {
    /// Reads the file whose name below the root is `text`, byte for byte; `/` separates folders.
    ///
    /// At the deadline the caller goes on; a read that hangs in the kernel (a network file system) keeps its thread.
    async fn fetch(&self, text: &str, limits: &FetchLimits) -> Result<Fetched, SourceError> {
        // There is always one where none is held.
        self.read(text, None, limits).await?.ok_or(SourceError::Unreadable)
    }

    async fn fetch_if_changed(
        &self,
        text: &str,
        held: &Validator,
        limits: &FetchLimits,
    ) -> Result<Option<Fetched>, SourceError> {
        self.read(text, Some(held.clone()), limits).await
    }

    async fn list(
        &self,
        folder: &str,
        after: Option<String>,
        most: usize,
        deadline: Duration,
    ) -> Result<Listing, SourceError> {
        let (root, folder) = (Arc::clone(&self.root), folder.to_owned());
        let reading = tokio::task::spawn_blocking(move || listing::list(&root, &folder, after.as_deref(), most));
        let read = tokio::time::timeout(deadline, reading).await.map_err(|_| SourceError::Timeout)?;
        read.map_err(|_| SourceError::Unreadable)?
    }
}

/// A name has one spelling: no empty, `.` or `..` segment, so no leading, trailing or doubled slash, and no NUL.
pub(super) fn check_name(name: &str) -> Result<(), SourceError> {
    let malformed = name.contains('\0') || name.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    if malformed { Err(SourceError::Malformed) } else { Ok(()) }
}

/// The file, unless it is still what `held` stands for.
fn read(root: &Dir, name: &str, held: Option<&Validator>, max_bytes: usize) -> Result<Option<Fetched>, SourceError> {
    let mut options = OpenOptions::new();
    // Without O_NONBLOCK, opening a FIFO waits for its writer; it has no effect on a regular file.
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = root.open_with(name, &options).map_err(|error| refusal(&error))?;
    let metadata = file.metadata().map_err(|error| refusal(&error))?;
    if !metadata.is_file() {
        return Err(SourceError::NotFound);
    }
    let validator = validator(&metadata, SystemClock.secs());
    if held.is_some() && held == validator.as_ref() {
        return Ok(None);
    }
    let too_large = SourceError::TooLarge { limit_bytes: max_bytes };
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > max_bytes {
        return Err(too_large);
    }
    // One byte more than there should be, so that a file which grows while it is read is noticed.
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(metadata.len() + 1).read_to_end(&mut bytes).map_err(|error| refusal(&error))?;
    if bytes.len() != length {
        return Err(SourceError::Incomplete);
    }
    Ok(Some(Fetched { validator, ..Fetched::new(Bytes::from(bytes)) }))
}

/// What changes with a file's content: which file it is, its length, and when it was written or touched last. A file that
/// was touched a moment ago has none: its next change could fall into the same tick of the file system's clock.
fn validator(file: &Metadata, now_secs: u64) -> Option<Validator> {
    let settled = u64::try_from(file.ctime()).ok()?.checked_add(SETTLED_SECS)? <= now_secs;
    let [dev, ino, len] = [file.dev(), file.ino(), file.len()];
    let [mtime, mnsec, ctime, cnsec] = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    settled.then(|| Validator::new(format!("{dev}-{ino}-{len}-{mtime}.{mnsec}-{ctime}.{cnsec}"))).flatten()
}

/// What a failure to open or read means. A link that leads out of the root looks like any name that is not there.
pub(super) fn refusal(error: &io::Error) -> SourceError {
    let absent = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP, libc::ENAMETOOLONG, libc::EISDIR, libc::ENXIO];
    match error.raw_os_error() {
        // cap-std reports a way out of the root without an error number of the system.
        None if error.kind() == io::ErrorKind::PermissionDenied => SourceError::NotFound,
        Some(number) if absent.contains(&number) => SourceError::NotFound,
        _ => {
            tracing::warn!(%error, "a source's file cannot be read");
            SourceError::Unreadable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_out_is_not_found_and_a_missing_permission_is_unreadable() {
        let numbered = |number| refusal(&io::Error::from_raw_os_error(number));
        assert_eq!(numbered(libc::ENOENT), SourceError::NotFound);
        assert_eq!(numbered(libc::EACCES), SourceError::Unreadable);
        assert_eq!(numbered(libc::EIO), SourceError::Unreadable);
        assert_eq!(refusal(&io::ErrorKind::PermissionDenied.into()), SourceError::NotFound);
    }
}
