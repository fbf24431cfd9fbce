//! The configuration: every variable that the origin reads, in one typed table.
//!
//! A flag beats the environment, the environment beats the default. A variable that begins with `SEALPIX_` and
//! is not known, or a value that is set but invalid, stops the start and is named (CFG-2). Every secret may come
//! from a file instead, by the same name with `_FILE`.

mod database;
mod derivatives;
mod environment;
mod given;
mod machine;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use database::Database;
pub use derivatives::{DerivativesConfig, DiskConfig};
pub use environment::{Environment, VARIABLES, is_secret};
pub use given::Given;
pub use secret::Secret;

use crate::images;
use crate::license::PublicKey;
use crate::peer::TrustedProxies;
use crate::settings::SettingError;
use crate::sources::address::AllowedNetworks;
use crate::sources::http::MaxRedirects;
use crate::vault::{JwtSecret, MIN_JWT_SECRET_BYTES};

/// What is wrong with the configuration, by the variable's name; never its value where it may be secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that is no value.
    #[error("{name}: {reason}")]
    Invalid {
        /// The variable.
        name: String,
        /// Why.
        reason: String,
    },
    /// Not a variable of ours.
    #[error("{0} is not a setting of Sealpix")]
    Unknown(String),
    /// A setting's variable or flag.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// Who may ask this origin for pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryMode {
    /// `direct` until an edge link exists, then `proof`.
    Auto,
    /// Everybody, through the whole gate and the origin's own counters.
    Direct,
    /// The edge only: a request without its proof is refused.
    Proof,
}

/// How remote sources are fetched.
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// Networks that may be dialled although they are not public; empty by default.
    pub allow_networks: AllowedNetworks,
    /// Certificates trusted beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// Redirects followed; 0 by default.
    pub max_redirects: MaxRedirects,
    /// The whole fetch, redirects included.
    pub deadline: Duration,
    /// Most bytes of a source.
    pub max_bytes: usize,
}

/// The origin's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the gallery is, and the registry and the salt where no database is named.
    pub data_dir: PathBuf,
    /// Where the registry is.
    pub database: Database,
    /// The master secret, if there is one; with PostgreSQL there always is.
    pub master_secret: Option<Secret>,
    /// The JWT secret, if it is configured.
    pub jwt_secret: Option<JwtSecret>,
    /// The JWT secret before it, while sessions and the data key still hang on that.
    pub jwt_secret_previous: Option<JwtSecret>,
    /// What licences are verified with, if it is not the build's.
    pub license_public_key: Option<PublicKey>,
    /// What flags and variables say of the settings.
    pub given: Given,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate chain to serve TLS with, in PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Proxies before this origin whose word on the client is believed; none by default.
    pub trusted_proxies: TrustedProxies,
    /// Where the metrics are served, if they are.
    pub metrics_listen: Option<SocketAddr>,
    /// Who may ask.
    pub delivery: DeliveryMode,
    /// The edge's environment, bound into every record.
    pub edge_environment: String,
    /// Where the edge answers, if records are pushed to it: scheme, host and port.
    pub edge_url: Option<String>,
    /// Folders below which file sources may lie, besides the data folder's `gallery`.
    pub file_roots: Vec<PathBuf>,
    /// Remote sources.
    pub fetch: FetchConfig,
    /// Finished pictures.
    pub derivatives: DerivativesConfig,
    /// Free bytes of the data folder's disk below which the origin is not ready.
    pub min_free_disk_bytes: u64,
    /// Connections that one address may have at once.
    pub max_connections_an_address: usize,
    /// The deadline of the image work on one request.
    pub work_deadline: Duration,
    /// Memory for all image work at once, by its estimates.
    pub work_memory_bytes: u64,
    /// Other ways of the image engine.
    pub images: images::Settings,
}

fn invalid(name: &str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), reason: reason.into() }
}

impl Config {
    /// Reads the configuration; stops at the first thing that is wrong.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        if let Some(unknown) = environment.unknown() {
            return Err(ConfigError::Unknown(unknown.clone()));
        }
        let data_dir = environment.text("SEALPIX_DATA_DIR").unwrap_or("./data");
        let data_dir = std::path::absolute(data_dir).map_err(|error| invalid("SEALPIX_DATA_DIR", error.to_string()))?;
        let database = match environment.secret("DATABASE_URL")? {
            Some(url) => Database::parse(&url).map_err(|reason| invalid("DATABASE_URL", reason))?,
            None => Database::Sqlite(data_dir.join("registry.db")),
        };
        let master_secret = environment.secret("MASTER_SECRET")?.map(Secret::new);
        if matches!(database, Database::Postgres(_)) && master_secret.is_none() {
            let reason = "is required with PostgreSQL: at least 32 characters, the same on every instance";
            return Err(invalid("MASTER_SECRET", reason));
        }
        let default_listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let derivatives = DerivativesConfig::read(environment, &data_dir)?;
        Ok(Self {
            data_dir,
            database,
            master_secret,
            jwt_secret: jwt_secret(environment, "JWT_SECRET")?,
            jwt_secret_previous: jwt_secret(environment, "JWT_SECRET_PREVIOUS")?,
            license_public_key: environment.parsed("SEALPIX_LICENSE_PUBLIC_KEY", None, |text| {
                PublicKey::parse(text).map(Some).map_err(|error| error.to_string())
            })?,
            given: Given::read(environment)?,
            listen: environment.parsed("SEALPIX_LISTEN", default_listen, socket_address)?,
            tls_cert: environment.text("SEALPIX_TLS_CERT_FILE").map(PathBuf::from),
            tls_key: environment.text("SEALPIX_TLS_KEY_FILE").map(PathBuf::from),
            trusted_proxies: environment.parsed(
                "SEALPIX_TRUSTED_PROXIES",
                TrustedProxies::default(),
                TrustedProxies::parse,
            )?,
            metrics_listen: environment
                .parsed("SEALPIX_METRICS_LISTEN", None, |text| socket_address(text).map(Some))?,
            delivery: environment.parsed("SEALPIX_DELIVERY", DeliveryMode::Auto, |text| match text {
                "auto" => Ok(DeliveryMode::Auto),
                "direct" => Ok(DeliveryMode::Direct),
                "proof" => Ok(DeliveryMode::Proof),
                _ => Err("takes auto, direct or proof".to_owned()),
            })?,
            edge_environment: environment.parsed("SEALPIX_ENVIRONMENT", "production".to_owned(), |text| {
                let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                let fits = plain && (1..=32).contains(&text.len());
                fits.then(|| text.to_owned()).ok_or_else(|| "takes 1 to 32 of a-z 0-9 -".to_owned())
            })?,
            edge_url: environment.parsed("SEALPIX_EDGE_URL", None, |text| edge_url(text).map(Some))?,
            file_roots: environment.parsed("SEALPIX_FILE_ROOTS", Vec::new(), |text| {
                text.split(':').map(|root| real_folder(Path::new(root))).collect()
            })?,
            fetch: FetchConfig::read(environment)?,
            derivatives,
            min_free_disk_bytes: min_free_disk_bytes(environment)?,
            max_connections_an_address: usize::try_from(environment.within(
                "SEALPIX_MAX_CONNECTIONS_PER_ADDRESS",
                128,
                1,
                100_000,
            )?)
            .unwrap_or(usize::MAX),
            work_deadline: Duration::from_secs(environment.within("SEALPIX_WORK_TIMEOUT_SECS", 15, 1, 60)?),
            work_memory_bytes: environment.within(
                "SEALPIX_WORK_MEMORY_BYTES",
                machine::work_memory_bytes(1 << 26),
                1 << 26,
                1 << 40,
            )?,
            images: images::Settings {
                svg: environment.either("SEALPIX_SVG", ["refuse", "rasterise"])?,
                libwebp: environment.either("SEALPIX_WEBP_DECODER", ["image-webp", "libwebp"])?,
                fine_shrink: environment.either("SEALPIX_JPEG_SHRINK", ["fast", "fine"])?,
                linear: environment.either("SEALPIX_RESIZE_LIGHT", ["coded", "linear"])?,
            },
        })
    }

    /// The folder of the source `@gallery` that setup makes.
    #[must_use]
    pub fn gallery(&self) -> PathBuf {
        self.data_dir.join("gallery")
    }
}

fn jwt_secret(environment: &Environment, name: &str) -> Result<Option<JwtSecret>, ConfigError> {
    let secret = environment.secret(name)?.map(JwtSecret::parse).transpose();
    secret.map_err(|_| invalid(name, format!("takes at least {MIN_JWT_SECRET_BYTES} bytes")))
}

fn min_free_disk_bytes(environment: &Environment) -> Result<u64, ConfigError> {
    Ok(environment.within("SEALPIX_MIN_FREE_DISK_MIB", 100, 0, 1_000_000_000)? * 1024 * 1024)
}

impl FetchConfig {
    fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let max_bytes = environment.within("SEALPIX_SOURCE_MAX_BYTES", 33_554_432, 1_000, 268_435_456)?;
        Ok(Self {
            allow_networks: environment.parsed(
                "SEALPIX_SOURCE_ALLOW_NETWORKS",
                AllowedNetworks::default(),
                |text| AllowedNetworks::parse(text).map_err(|error| error.to_string()),
            )?,
            extra_ca: environment.parsed("SEALPIX_SOURCE_EXTRA_CA_FILE", None, |text| {
                let path = PathBuf::from(text);
                std::fs::metadata(&path).map(|_| Some(path)).map_err(|error| error.to_string())
            })?,
            max_redirects: environment.parsed("SEALPIX_SOURCE_MAX_REDIRECTS", MaxRedirects::default(), |text| {
                text.parse().ok().and_then(MaxRedirects::new).ok_or_else(|| "takes 0 to 3".to_owned())
            })?,
            deadline: Duration::from_secs(environment.within("SEALPIX_SOURCE_TIMEOUT_SECS", 15, 1, 60)?),
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
        })
    }
}

/// Scheme, host and port of the edge. `http` for this machine only: a proof does not cross a network in clear.
///
/// # Errors
/// What it takes instead.
pub fn edge_url(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    let local = match url.host() {
        Some(url::Host::Domain(host)) => host == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if bare && anonymous && (url.scheme() == "https" || url.scheme() == "http" && local) {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err("takes https://host[:port], or http:// of this machine, without a path".to_owned())
    }
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "takes an address and a port, as 127.0.0.1:8080".to_owned())
}

fn real_folder(path: &Path) -> Result<PathBuf, String> {
    let real = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    if real.is_dir() { Ok(real) } else { Err(format!("{} is no folder", path.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(&Environment::from_pairs(pairs)).map_err(|error| error.to_string())
    }

    #[test]
    fn cfg1_each_value_changes_its_setting() {
        let config = read(&[
            ("SEALPIX_DATA_DIR", "/tmp"),
            ("SEALPIX_LISTEN", "127.0.0.1:9"),
            ("SEALPIX_TLS_CERT_FILE", "/tmp/crt"),
            ("SEALPIX_TLS_KEY_FILE", "/tmp/key"),
            ("SEALPIX_TRUSTED_PROXIES", "10.0.0.0/8"),
            ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0"),
            ("SEALPIX_DELIVERY", "direct"),
            ("SEALPIX_ENVIRONMENT", "staging"),
            ("SEALPIX_EDGE_URL", "https://img.example.com/"),
            ("SEALPIX_SOURCE_TIMEOUT_SECS", "3"),
            ("SEALPIX_SOURCE_MAX_BYTES", "5000"),
            ("SEALPIX_WORK_TIMEOUT_SECS", "4"),
            ("SEALPIX_SVG", "rasterise"),
            ("SEALPIX_WEBP_DECODER", "libwebp"),
            ("SEALPIX_JPEG_SHRINK", "fine"),
            ("SEALPIX_RESIZE_LIGHT", "linear"),
            ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
            ("SEALPIX_DERIVATIVE_TTL_SECS", "5"),
            ("SEALPIX_DERIVATIVE_DISK_BYTES", "16777216"),
            ("SEALPIX_DERIVATIVE_DIR", "/tmp/fast"),
            ("SEALPIX_MIN_FREE_DISK_MIB", "7"),
            ("MASTER_SECRET", "m"),
            ("SEALPIX_FILE_ROOTS", "/tmp"),
            ("SEALPIX_SOURCE_ALLOW_NETWORKS", "127.0.0.0/8"),
        ])
        .unwrap();
        assert!(matches!(config.database, Database::Sqlite(file) if file == Path::new("/tmp/registry.db")));
        assert_eq!(config.listen.port(), 9);
        let disk = &config.derivatives.disk;
        assert_eq!((&*disk.folder, disk.bytes), (Path::new("/tmp/fast/derivatives"), 16_777_216));
        assert_eq!((disk.least_free_bytes, config.min_free_disk_bytes), (7 << 20, 7 << 20));
        assert_eq!(config.tls_cert.as_deref(), Some(Path::new("/tmp/crt")));
        assert_eq!(config.tls_key.as_deref(), Some(Path::new("/tmp/key")));
        assert_eq!(config.trusted_proxies, TrustedProxies::parse("10.0.0.0/8").unwrap());
        assert_eq!(config.metrics_listen.map(|listen| listen.port()), Some(0));
        assert_eq!(config.delivery, DeliveryMode::Direct);
        assert_eq!(config.edge_environment, "staging");
        assert_eq!(config.edge_url.as_deref(), Some("https://img.example.com"));
        assert_eq!((config.fetch.deadline.as_secs(), config.fetch.max_bytes), (3, 5000));
        assert_eq!(config.work_deadline.as_secs(), 4);
        assert_eq!(config.images, images::Settings { svg: true, libwebp: true, fine_shrink: true, linear: true });
        assert_eq!(read(&[]).unwrap().images, images::Settings::default());
        assert_eq!((config.derivatives.memory_bytes, config.derivatives.ttl.as_secs()), (0, 5));
        assert_eq!(config.master_secret.unwrap().expose(), "m");
        assert_eq!(config.file_roots.len(), 1);
        assert!(!config.fetch.allow_networks.is_empty());
    }

    #[test]
    fn cfg2_a_wrong_or_unknown_value_stops_the_start_by_name() {
        for (name, value) in [
            ("SEALPIX_LISTEN", "8080"),
            ("SEALPIX_METRICS_LISTEN", "9090"),
            ("SEALPIX_TRUSTED_PROXIES", "0.0.0.0/0"),
            ("SEALPIX_DELIVERY", "Direct"),
            ("SEALPIX_ENVIRONMENT", "A b"),
            ("SEALPIX_EDGE_URL", "http://img.example.com"),
            ("SEALPIX_EDGE_URL", "https://img.example.com/path"),
            ("SEALPIX_EDGE_URL", "https://user:word@img.example.com"),
            ("SEALPIX_EDGE_URL", "img.example.com"),
            ("SEALPIX_SOURCE_TIMEOUT_SECS", "0"),
            ("SEALPIX_SOURCE_MAX_BYTES", "1e9"),
            ("SEALPIX_SOURCE_MAX_REDIRECTS", "4"),
            ("SEALPIX_SOURCE_ALLOW_NETWORKS", "everything"),
            ("SEALPIX_SOURCE_EXTRA_CA_FILE", "/nowhere"),
            ("SEALPIX_FILE_ROOTS", "/nowhere"),
            ("SEALPIX_WORK_TIMEOUT_SECS", "-1"),
            ("SEALPIX_SVG", "true"),
            ("SEALPIX_SVG", ""),
            ("SEALPIX_WEBP_DECODER", "webp"),
            ("SEALPIX_JPEG_SHRINK", "2"),
            ("SEALPIX_RESIZE_LIGHT", "srgb"),
            ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "64MiB"),
            ("SEALPIX_DERIVATIVE_TTL_SECS", "0"),
            ("SEALPIX_DERIVATIVE_DISK_BYTES", "1"),
            ("SEALPIX_DERIVATIVE_DISK_BYTES", "68719476737"),
            ("SEALPIX_DERIVATIVE_DIR", "./data/gallery/x"),
            ("SEALPIX_TYPO", "1"),
            ("DATABASE_URL", "mysql://h/d"),
            ("DATABASE_URL", "sqlite:"),
            ("DATABASE_URL", "postgres://u:p@h/d?sslmode=verify-ca"),
            ("DATABASE_URL_FILE", "/nowhere"),
            ("SEALPIX_LISTEN_FILE", "/etc/hostname"),
            ("MASTER_SECRET_FILE", "/nowhere"),
            ("JWT_SECRET", "thirty-one bytes is one too few"),
            ("JWT_SECRET_PREVIOUS", ""),
            ("JWT_SECRET_OLD", "x"),
            ("JWT_EXPIRATION", "1m"),
            ("ALLOW_GUEST_MODE", "yes"),
            ("LICENSE_KEY", ""),
            ("LICENSE_KEY_FILE", "/nowhere"),
            ("SEALPIX_AUDIT_RETENTION_DAYS", "0"),
            ("SEALPIX_LICENSE_PUBLIC_KEY", "x"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{name}: {error}");
        }
    }
    #[test]
    fn a_database_url_names_postgresql_or_a_file_and_is_never_repeated() {
        const MASTER: (&str, &str) = ("MASTER_SECRET", "a master secret of at least 32 characters");
        for url in ["postgres://u:hunter2@db.example/d", "postgresql://u:hunter2@db.example:5433/d?sslmode=require"] {
            let refused = read(&[("DATABASE_URL", url)]).unwrap_err();
            assert!(refused.contains("MASTER_SECRET") && !refused.contains("hunter2"), "{refused}");
            let config = read(&[("DATABASE_URL", url), MASTER]).unwrap();
            assert!(matches!(config.database, Database::Postgres(_)));
            assert!(!format!("{config:?}").contains("hunter2"));
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://u:hunter2@db.example/d\n").unwrap();
        let file = file.to_str().unwrap();
        assert!(read(&[("DATABASE_URL_FILE", file), MASTER]).unwrap().database.exists());
        assert!(read(&[("DATABASE_URL_FILE", file)]).unwrap_err().contains("MASTER_SECRET"));
        for (url, path) in
            [("sqlite:/tmp/x/r.db", "/tmp/x/r.db"), ("sqlite:///tmp/r.db", "/tmp/r.db"), ("sqlite://r.db", "")]
        {
            let config = read(&[("DATABASE_URL", url)]).unwrap();
            let Database::Sqlite(file) = config.database else { panic!("{url}") };
            assert!(file.is_absolute() && (path.is_empty() || file == Path::new(path)), "{url}");
        }
    }
}
