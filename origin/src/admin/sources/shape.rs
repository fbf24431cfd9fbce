//! Sources as the API shows and takes them.

use std::path::{Path, PathBuf};

use sealpix::operations::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Problem;
use crate::config::Config;
use crate::registry::{SourceDeclared, SourceKind, StoredSource};
use crate::sources::configured::check_root;

/// What a source is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SourceKind)]
pub(super) enum Kind {
    /// A folder of the origin's machine, in the gallery or below SEALPIX_FILE_ROOTS.
    File,
    /// An https server's folder.
    Http,
}

/// A configured source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub(super) struct Shown {
    /// Its name, after the `@`.
    pub(super) name: String,
    /// What it is.
    kind: Kind,
    /// The folder's absolute path, or the base URL.
    location: String,
    /// Rises when it changes.
    version: u64,
}

impl From<StoredSource> for Shown {
    fn from(source: StoredSource) -> Self {
        let kind = match source.kind {
            SourceKind::File => Kind::File,
            SourceKind::Http => Kind::Http,
        };
        Self { name: source.name.to_string(), kind, location: source.location, version: source.version }
    }
}

/// What a source is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SourcePlace)]
pub(super) struct Wanted {
    /// What it is.
    pub(super) kind: Kind,
    /// A folder's absolute path, or `https://host/path` without a query.
    #[schema(min_length = 1, max_length = 2_000, example = "https://assets.example.com/photos")]
    pub(super) location: String,
}

impl Wanted {
    /// The source, checked as the state file's are: a folder must be there and may be served.
    pub(super) fn checked(self, name: Name, config: &Config) -> Result<StoredSource, Problem> {
        let declared = match self.kind {
            Kind::File if !Path::new(&self.location).is_absolute() => {
                return Err(Problem::unfit("source_invalid", "location takes a folder's absolute path"));
            }
            Kind::File => SourceDeclared::File { name, root: PathBuf::from(self.location) },
            Kind::Http => SourceDeclared::Http { name, base: self.location },
        };
        let invalid = |error: &dyn std::error::Error| Problem::unfit("source_invalid", error.to_string());
        let source = declared.stored(Path::new("/")).map_err(|error| invalid(&error))?;
        if source.kind == SourceKind::File {
            check_root(config, Path::new(&source.location)).map_err(|error| invalid(&error))?;
        }
        Ok(source)
    }
}
