//! The name of a result in every cache: SHA-256 over what makes its bytes, and nothing else.
//!
//! No signature, expiry, key, referer or host (CACHE-7): signing anew or rotating a key leaves the cache warm.
//! Formats, never Accept headers (CACHE-8). Epochs and versions, so that a purge or a changed watermark misses.

use sha2::{Digest as _, Sha256};

use crate::encoding::hex;
use crate::envelope::length_prefixed;
use crate::operations::Operations;
use crate::record::ProjectRecord;
use crate::source::Source;

/// Moves with every change of the image engine that changes its bytes (CACHE-9, EDGE-6).
pub const ENGINE_VERSION: u32 = 4;

/// The fields of a cache key, but for the operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheKey(Vec<u8>);

impl CacheKey {
    pub(crate) fn new(
        project: &ProjectRecord,
        source: &Source,
        operations: &Operations,
        (project_epoch, source_epoch): (u64, u64),
    ) -> Self {
        let grant = match source {
            Source::Named { name, .. } => project.grant(name),
            Source::Remote(_) => None,
        };
        let watermark = operations.watermark.as_ref().and_then(|mark| project.watermark(&mark.name));
        Self(length_prefixed([
            b"sealpix/cache/v1".as_slice(),
            project.slug.as_str().as_bytes(),
            source.to_string().as_bytes(),
            &project_epoch.to_be_bytes(),
            &source_epoch.to_be_bytes(),
            &grant.map_or(0, |grant| grant.version).to_be_bytes(),
            &watermark.map_or(0, |watermark| watermark.version).to_be_bytes(),
            &ENGINE_VERSION.to_be_bytes(),
        ]))
    }

    /// 64 hex digits.
    pub(crate) fn of(&self, operations: &Operations, became_avif: bool) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.0);
        hash.update(length_prefixed([operations.to_string().as_bytes(), &[u8::from(became_avif)]]));
        hex(&hash.finalize())
    }
}
