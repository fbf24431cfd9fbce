//! `/projects/{slug}/watermarks`: pictures that URLs may lay over results.

mod list;
mod picture;
mod put;
mod read;
mod remove;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use crate::registry::{MAX_WATERMARK_BYTES, StoredWatermark};

/// A watermark; its picture is below it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Watermark)]
struct Shown {
    /// Its name in `wm`.
    #[schema(example = "logo")]
    name: String,
    /// In pixels.
    width: u32,
    /// In pixels.
    height: u32,
    /// Bytes of the PNG that is kept.
    bytes: u64,
    /// Rises with each change: pictures in caches that have the old one are not used any more.
    version: u64,
    /// Unix milliseconds.
    created_at: u64,
    /// Unix milliseconds.
    changed_at: u64,
}

impl From<StoredWatermark> for Shown {
    fn from(stored: StoredWatermark) -> Self {
        let StoredWatermark { name, version, width, height, bytes, created_at, changed_at } = stored;
        Self { name: name.to_string(), width, height, bytes, version, created_at, changed_at }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(read::read, put::put, remove::remove))
        .routes(routes!(picture::picture))
        .layer(DefaultBodyLimit::max(MAX_WATERMARK_BYTES))
}
