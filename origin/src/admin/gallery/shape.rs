//! What of a gallery is asked, and how it is shown.

use sealpix::operations::Name;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which pictures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A granted source that is a folder, by name; the first if not said.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9-]{1,32}$")]
    pub(super) source: Option<Name>,
    /// A folder in it, as `2026/spring`; its root if not said.
    #[param(max_length = 2_000)]
    pub(super) prefix: Option<String>,
    /// Pictures of the page, at most 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<usize>,
    /// `next_cursor` of the page before; nothing for the first page.
    #[param(max_length = 2_000)]
    pub(super) cursor: Option<String>,
}

/// A page of a folder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GalleryPage)]
pub(super) struct Gallery {
    /// The source.
    pub(super) source: String,
    /// The folders in this one, by name; the first thousand.
    pub(super) folders: Vec<String>,
    /// Pictures, by name.
    pub(super) items: Vec<Picture>,
    /// For the next page; none on the last.
    pub(super) next_cursor: Option<String>,
}

/// A picture.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Picture {
    /// As the source part of a URL to be signed.
    #[schema(example = "@gallery/2026/photo.jpg")]
    pub(super) source: String,
    /// Its name in the folder.
    pub(super) name: String,
    /// Its length.
    pub(super) bytes: u64,
    /// When it was last changed, in unix milliseconds.
    pub(super) modified_at: Option<u64>,
    /// A small one, signed for 10 minutes with the project's first key in use; none where that may not.
    pub(super) thumbnail: Option<Thumbnail>,
}

/// A signed URL of a small picture.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Thumbnail {
    /// Path and query.
    pub(super) target: String,
    /// With the Worker's scheme and host, where SEALPIX_EDGE_URL says them.
    pub(super) url: Option<String>,
}
