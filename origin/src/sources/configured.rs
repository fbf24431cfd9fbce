//! The sources as the registry has them: the remote one, and the named ones, opened when first asked for.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sealpix::operations::Name;
use sealpix::record::Grant;

use super::address::may_dial;
use super::file::FileSource;
use super::http::{HttpSettings, HttpSetupError, HttpSource};
use super::resolver::SystemResolver;
use super::s3::S3Source;
use super::s3::place::{PlaceError, S3Place};
use super::{FetchLimits, Fetched, Source, SourceError, Validator};
use crate::config::{Config, Database};
use crate::origin::{OpenError, Origin};
use crate::registry::{RegistryError, SourceKind, StoredSource};

/// Why a configured source is not there.
#[derive(Debug, thiserror::Error)]
pub enum ConfiguredError {
    /// The extra certificates.
    #[error("SEALPIX_SOURCE_EXTRA_CA_FILE: {0}")]
    Ca(io::Error),
    /// The client.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The registry has no such source, or another version of it.
    #[error("the source is not in the registry")]
    Missing,
    /// A folder outside what the operator allows.
    #[error("{0} is not below the data folder's gallery or a folder of SEALPIX_FILE_ROOTS")]
    Root(String),
    /// A folder that does not open.
    #[error("{path}: {error}")]
    Folder {
        /// The folder.
        path: String,
        /// What went wrong.
        error: io::Error,
    },
    /// A bucket's place that does not read.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// An endpoint that is an address which may not be dialled.
    #[error("{0} is not a public address, and in no network of SEALPIX_SOURCE_ALLOW_NETWORKS")]
    Endpoint(IpAddr),
    /// Credentials that do not open.
    #[error(transparent)]
    Credentials(Box<OpenError>),
    /// A bucket that the S3 library does not take.
    #[error("the S3 library does not take the source's place")]
    Storage,
}

/// Open sources, each with the version that it was opened in.
type Opened = HashMap<Name, (Identity, Arc<dyn Source>)>;

/// What an open source was made from: the registry's version, and of a folder the device and inode, so that a folder
/// that was replaced is opened anew.
type Identity = (u64, Option<Folder>);

/// A folder with its device and inode.
type Folder = (PathBuf, (u64, u64));

fn inode_of(folder: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Asks the file system about a folder, within the deadline of a fetch: a call that hangs in the kernel (a network file
/// system) keeps a thread of its own, none of those that answer.
async fn blocking<T: Send + 'static>(
    config: &Config,
    folder: &Path,
    ask: impl FnOnce() -> Result<T, ConfiguredError> + Send + 'static,
) -> Result<T, ConfiguredError> {
    let failed = |error| ConfiguredError::Folder { path: folder.display().to_string(), error };
    let said = tokio::time::timeout(config.fetch.deadline, tokio::task::spawn_blocking(ask)).await;
    said.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(|error| failed(io::Error::other(error)))?
}

/// The remote source and the named ones.
pub struct Configured {
    http: Arc<HttpSource>,
    named: Mutex<Opened>,
}

impl Configured {
    /// The sources of an open origin.
    pub fn new(origin: &Origin) -> Result<Self, ConfiguredError> {
        let fetch = &origin.config.fetch;
        let settings = HttpSettings {
            allowed_networks: fetch.allow_networks.clone(),
            extra_ca_pem: fetch.extra_ca.as_ref().map(std::fs::read).transpose().map_err(ConfiguredError::Ca)?,
            max_redirects: fetch.max_redirects,
        };
        let http = Arc::new(HttpSource::new(settings, Arc::new(SystemResolver))?);
        Ok(Self { http, named: Mutex::default() })
    }

    /// The remote source.
    pub fn http(&self) -> &HttpSource {
        &self.http
    }

    /// The host that a configured source asks, with its port; none of a folder.
    #[must_use]
    pub fn authority(stored: &StoredSource) -> Option<String> {
        match stored.kind {
            SourceKind::File => None,
            SourceKind::Http => {
                let base = stored.location.strip_prefix("https://")?;
                Some(base.split_once('/').map_or(base, |(authority, _)| authority).to_owned())
            }
            SourceKind::S3 => S3Place::parse(&stored.location).ok().map(|place| place.authority()),
        }
    }

    /// A granted source, as the registry and the disk have it now.
    pub async fn named(&self, origin: &Origin, grant: &Grant) -> Result<Arc<dyn Source>, ConfiguredError> {
        let opened = self.lock().get(&grant.name).cloned();
        if let Some(((version, folder), source)) = opened
            && version == grant.version
            && is_still(&origin.config, folder).await?
        {
            return Ok(source);
        }
        let stored = origin.registry.sources().await?;
        let stored = stored.into_iter().find(|source| source.name == grant.name).ok_or(ConfiguredError::Missing)?;
        let (folder, source) = self.open(origin, &stored).await?;
        self.lock().insert(grant.name.clone(), ((stored.version, folder), Arc::clone(&source)));
        Ok(source)
    }

    async fn open(
        &self,
        origin: &Origin,
        stored: &StoredSource,
    ) -> Result<(Option<Folder>, Arc<dyn Source>), ConfiguredError> {
        match stored.kind {
            SourceKind::File => {
                let (config, root) = (Arc::clone(&origin.config), PathBuf::from(&stored.location));
                blocking(&origin.config, Path::new(&stored.location), move || open_folder(&config, root)).await
            }
            SourceKind::Http => {
                let base = stored.location.trim_start_matches("https://").to_owned();
                Ok((None, Arc::new(Based { http: Arc::clone(&self.http), base })))
            }
            SourceKind::S3 => {
                let place = S3Place::parse(&stored.location)?;
                let credentials = stored.credentials.as_ref().map(|cell| origin.open_credentials(cell)).transpose();
                let credentials = credentials.map_err(|error| ConfiguredError::Credentials(Box::new(error)))?;
                let opened = S3Source::new(place, credentials, Arc::clone(&self.http));
                Ok((None, Arc::new(opened.map_err(|_| ConfiguredError::Storage)?)))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Opened> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the folder that was opened still has its name.
async fn is_still(config: &Config, folder: Option<Folder>) -> Result<bool, ConfiguredError> {
    let Some((root, inode)) = folder else { return Ok(true) };
    let folder = root.clone();
    blocking(config, &folder, move || Ok(inode_of(&root) == Some(inode))).await
}

fn open_folder(config: &Config, root: PathBuf) -> Result<(Option<Folder>, Arc<dyn Source>), ConfiguredError> {
    let inode = inode_of(&root);
    check_root(config, &root)?;
    let failed = |error| ConfiguredError::Folder { path: root.display().to_string(), error };
    let source = FileSource::open(&root).map_err(failed)?;
    Ok((inode.map(|inode| (root, inode)), Arc::new(source)))
}

/// A folder may be served if it lies in the gallery or below a root that the operator names, and never if the
/// registry, the salt or finished pictures lie in it: these are every project's.
pub fn check_root(config: &Config, root: &Path) -> Result<(), ConfiguredError> {
    let refused = || ConfiguredError::Root(root.display().to_string());
    let real =
        root.canonicalize().map_err(|error| ConfiguredError::Folder { path: root.display().to_string(), error })?;
    let data = config.data_dir.canonicalize().unwrap_or_else(|_| config.data_dir.clone());
    let holds_registry = match &config.database {
        Database::Sqlite(file) => {
            let folder = file.parent().unwrap_or(file);
            folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).starts_with(&real)
        }
        Database::Postgres(_) => false,
    };
    let pictures = &config.derivatives.disk.folder;
    let pictures = pictures.canonicalize().unwrap_or_else(|_| pictures.clone());
    let holds_pictures = pictures.starts_with(&real) || real.starts_with(&pictures);
    if data.starts_with(&real) || holds_registry || holds_pictures {
        return Err(refused());
    }
    let gallery = data.join("gallery");
    let below = real.starts_with(&gallery) || config.file_roots.iter().any(|allowed| real.starts_with(allowed));
    // Below the data folder only the gallery is for pictures.
    let private = real.starts_with(&data) && !real.starts_with(&gallery);
    if below && !private { Ok(()) } else { Err(refused()) }
}

/// A storage's endpoint may be an address if that may be dialled; what a name resolves to is checked at each connection.
pub fn check_endpoint(config: &Config, location: &str) -> Result<(), ConfiguredError> {
    match S3Place::parse(location)?.address() {
        Some(address) if !may_dial(address, &config.fetch.allow_networks) => Err(ConfiguredError::Endpoint(address)),
        _ => Ok(()),
    }
}

/// The remote text of a name below `base`.
fn below(base: &str, text: &str) -> String {
    format!("{base}/{}", sealpix::encoding::escape(text))
}

/// A named source that is the folder of an https server.
struct Based {
    http: Arc<HttpSource>,
    base: String,
}

#[async_trait]
impl Source for Based {
    async fn fetch(&self, text: &str, limits: &FetchLimits) -> Result<Fetched, SourceError> {
        self.http.fetch(&below(&self.base, text), limits).await
    }

    async fn fetch_if_changed(
        &self,
        text: &str,
        held: &Validator,
        limits: &FetchLimits,
    ) -> Result<Option<Fetched>, SourceError> {
        self.http.fetch_if_changed(&below(&self.base, text), held, limits).await
    }
}
