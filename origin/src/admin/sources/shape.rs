//! Sources as the API shows and takes them.

use std::path::{Path, PathBuf};

use sealpix::operations::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Problem;
use crate::config::Config;
use crate::origin::CredentialsGiven;
use crate::registry::{SourceDeclared, SourceKind, StoredSource};
use crate::sources::configured::{check_endpoint, check_root};

/// What a source is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SourceKind)]
pub(super) enum Kind {
    /// A folder of the origin's machine, in the gallery or below SEALPIX_FILE_ROOTS.
    File,
    /// An https server's folder.
    Http,
    /// A bucket of an S3-compatible storage.
    S3,
}

/// A configured source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub(super) struct Shown {
    /// Its name, after the `@`.
    pub(super) name: String,
    /// What it is.
    kind: Kind,
    /// The folder's absolute path, the base URL, or the bucket's place.
    location: String,
    /// Whether it has credentials, which are never shown.
    has_credentials: bool,
    /// Rises when it changes.
    version: u64,
}

impl From<StoredSource> for Shown {
    fn from(source: StoredSource) -> Self {
        let kind = match source.kind {
            SourceKind::File => Kind::File,
            SourceKind::Http => Kind::Http,
            SourceKind::S3 => Kind::S3,
        };
        Self {
            name: source.name.to_string(),
            kind,
            location: source.location,
            has_credentials: source.credentials.is_some(),
            version: source.version,
        }
    }
}

/// What a source is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SourcePlace)]
pub(super) struct Wanted {
    /// What it is.
    pub(super) kind: Kind,
    /// A folder's absolute path, `https://host/path` without a query, or
    /// `s3://bucket/prefix?region=…&endpoint=https://…&style=path|virtual`.
    #[schema(min_length = 1, max_length = 2_000, example = "https://assets.example.com/photos")]
    pub(super) location: String,
    /// What a bucket is asked with. Left out, the source keeps what it has; null takes it away, and the storage is asked
    /// unsigned.
    #[serde(default)]
    #[schema(value_type = Option<CredentialsShape>)]
    pub(super) credentials: CredentialsGiven,
}

/// Credentials of an S3-compatible storage, for the document: they are read by [`CredentialsGiven`], and never shown.
#[derive(ToSchema)]
#[schema(as = S3Credentials)]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct CredentialsShape {
    /// The access key.
    #[schema(min_length = 1, max_length = 256, pattern = "^[!-~]+$", example = "AKIAIOSFODNN7EXAMPLE")]
    access_key_id: String,
    /// Its secret.
    #[schema(min_length = 1, max_length = 256, pattern = "^[!-~]+$")]
    secret_access_key: String,
    /// The token of a session, where the two are a session's.
    #[schema(min_length = 1, max_length = 8_192, pattern = "^[!-~]+$")]
    session_token: Option<String>,
}

impl Wanted {
    /// The source, checked as the state file's are, and what is said about its credentials: a folder must be there and may
    /// be served; a storage's address, where its endpoint is one, may be dialled.
    pub(super) fn checked(self, name: Name, config: &Config) -> Result<(StoredSource, CredentialsGiven), Problem> {
        let declared = match self.kind {
            Kind::File if !Path::new(&self.location).is_absolute() => {
                return Err(Problem::unfit("source_invalid", "location takes a folder's absolute path"));
            }
            Kind::File => SourceDeclared::File { name, root: PathBuf::from(self.location) },
            Kind::Http => SourceDeclared::Http { name, base: self.location },
            Kind::S3 => SourceDeclared::S3 { name, location: self.location, credentials: CredentialsGiven::Kept },
        };
        let invalid = |error: &dyn std::error::Error| Problem::unfit("source_invalid", error.to_string());
        let source = declared.stored(Path::new("/")).map_err(|error| invalid(&error))?;
        if source.kind == SourceKind::File {
            check_root(config, Path::new(&source.location)).map_err(|error| invalid(&error))?;
        }
        if source.kind == SourceKind::S3 {
            check_endpoint(config, &source.location).map_err(|error| invalid(&error))?;
        }
        Ok((source, self.credentials))
    }
}
