//! The variables of the environment: which there are, and how they are read.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{ConfigError, invalid};
use crate::settings::SETTINGS;

/// Every variable, with what it means. Variables that only commands or the edge read are known too.
pub const VARIABLES: &[(&str, &str)] = &[
    ("SEALPIX_DATA_DIR", "folder of the registry and the gallery; default ./data"),
    (
        "DATABASE_URL",
        "postgres://user:password@host:port/database, which needs MASTER_SECRET, or sqlite:PATH; default: SQLite in the \
         data folder. Or DATABASE_URL_FILE",
    ),
    ("MASTER_SECRET", "at least 32 characters; seals the registry's secrets. Or MASTER_SECRET_FILE"),
    (
        "MASTER_SECRET_NEW",
        "the master secret that `sealpix secrets rotate master` seals everything under. Or MASTER_SECRET_NEW_FILE",
    ),
    (
        "JWT_SECRET",
        "at least 32 bytes; signs sessions, and the secret settings are sealed under it; default: generated and kept sealed in the \
         registry. Or JWT_SECRET_FILE",
    ),
    (
        "JWT_SECRET_PREVIOUS",
        "the JWT secret before it: the start re-wraps the data key, and sessions live on. Or JWT_SECRET_PREVIOUS_FILE",
    ),
    (
        "JWT_SECRET_NEW",
        "the JWT secret that `sealpix secrets rotate jwt` moves to, from the registry's own. Or JWT_SECRET_NEW_FILE",
    ),
    ("SEALPIX_LICENSE_PUBLIC_KEY", "the vendor's public key, which licences are verified with; default: the build's"),
    (
        "SEALPIX_LICENSE_SIGNING_KEY",
        "the vendor's private key, for `sealpix license issue`. Or SEALPIX_LICENSE_SIGNING_KEY_FILE",
    ),
    ("SEALPIX_LISTEN", "address and port; default 127.0.0.1:8080"),
    ("SEALPIX_TLS_CERT_FILE", "PEM certificates to serve TLS with, the server's own first; default none: plain HTTP"),
    ("SEALPIX_TLS_KEY_FILE", "PEM private key of the first of them"),
    (
        "SEALPIX_TRUSTED_PROXIES",
        "networks (CIDR, separated by commas) of proxies whose X-Forwarded-For and -Proto count; default none",
    ),
    ("SEALPIX_METRICS_LISTEN", "address and port of /metrics, /healthz and /readyz for operators; default none"),
    ("SEALPIX_DELIVERY", "auto, direct or proof; default auto: proof once an edge link exists"),
    ("SEALPIX_ENVIRONMENT", "the edge's environment; default production"),
    ("SEALPIX_FILE_ROOTS", "folders that file sources may lie below, separated by colons"),
    ("SEALPIX_EDGE_URL", "the Worker's own URL, https://host[:port]; every change is pushed there; default none"),
    (
        "SEALPIX_SOURCE_ALLOW_NETWORKS",
        "networks (CIDR, separated by commas) that sources may be fetched from although not public",
    ),
    ("SEALPIX_SOURCE_EXTRA_CA_FILE", "PEM certificates trusted for sources beside the system's"),
    ("SEALPIX_SOURCE_MAX_REDIRECTS", "0 to 3; default 0"),
    ("SEALPIX_SOURCE_TIMEOUT_SECS", "1 to 60; default 15"),
    ("SEALPIX_SOURCE_MAX_BYTES", "1000 to 268435456; default 33554432"),
    ("SEALPIX_MIN_FREE_DISK_MIB", "free space of the data folder's disk below which /readyz is 503; default 100"),
    (
        "SEALPIX_MAX_CONNECTIONS_PER_ADDRESS",
        "connections that one address (IPv6: a /64 network) may have at once, trusted proxies aside; default 128",
    ),
    (
        "SEALPIX_WORK_MEMORY_BYTES",
        "67108864 to 1099511627776; default 1073741824, or half of the control group's `memory.max` if that is less",
    ),
    ("SEALPIX_WORK_TIMEOUT_SECS", "1 to 60; default 15"),
    ("SEALPIX_SVG", "refuse, or rasterise: SVG sources become pictures of pixels; default refuse"),
    ("SEALPIX_WEBP_DECODER", "image-webp, in safe Rust, or libwebp, in C and faster; default image-webp"),
    (
        "SEALPIX_JPEG_SHRINK",
        "fast, or fine: a JPEG that is shrunk while it is decoded keeps twice the result's sides; default fast",
    ),
    ("SEALPIX_RESIZE_LIGHT", "coded, or linear: pictures are resized in linear light; default coded"),
    (
        "SEALPIX_DERIVATIVE_MEMORY_BYTES",
        "memory for finished pictures; 0 to 1099511627776, 0 keeps none; default 67108864",
    ),
    (
        "SEALPIX_DERIVATIVE_DISK_BYTES",
        "disk for finished pictures; 16777216 to 68719476736, or 0 for none; default 1073741824",
    ),
    ("SEALPIX_DERIVATIVE_DIR", "where their folder, `derivatives`, is made; default the data folder"),
    (
        "SEALPIX_DERIVATIVE_TTL_SECS",
        "how long the origin answers with a finished picture before it asks the source again; 1 to 86400; default 60",
    ),
    ("SEALPIX_LOG", "log filter; default info"),
    ("SEALPIX_COPY_FROM", "the database that registry copy reads, as DATABASE_URL. Or SEALPIX_COPY_FROM_FILE"),
    ("SEALPIX_COPY_TO", "the empty database that registry copy fills, as DATABASE_URL. Or SEALPIX_COPY_TO_FILE"),
    ("SEALPIX_SECRET_KEY", "the secret key that sign and inspect use. Or SEALPIX_SECRET_KEY_FILE"),
];

/// Variables of other parts of the product, set in the same environments.
const OTHERS: &[&str] = &["SEALPIX_TOOLS", "SEALPIX_BIN"];

/// Variables that are secrets: each may come from a file by its name with `_FILE`.
const SECRETS: &[&str] = &[
    "DATABASE_URL",
    "MASTER_SECRET",
    "MASTER_SECRET_NEW",
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
    "JWT_SECRET_NEW",
    "SEALPIX_LICENSE_SIGNING_KEY",
    "SEALPIX_SECRET_KEY",
    "SEALPIX_COPY_FROM",
    "SEALPIX_COPY_TO",
];

/// The environment's variables, as far as they are ours. Printed, their names alone.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The first variable that is none of ours, although it is named like one.
    pub(super) fn unknown(&self) -> Option<&String> {
        self.0.keys().find(|name| !is_known(name))
    }

    /// This process's environment.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from_pairs(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))),
        )
    }

    /// The given variables.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| {
            let ours_alone = ["SEALPIX_", "MASTER_SECRET", "JWT_SECRET"];
            ours_alone.iter().any(|prefix| name.starts_with(prefix)) || is_known(name)
        };
        let ours = pairs.into_iter().filter(|(name, _)| ours(name));
        Self(ours.map(|(name, value)| (name, Zeroizing::new(value))).collect())
    }

    /// Whether a variable is set, itself or from a file.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        self.0.contains_key(name) || SECRETS.contains(&name) && self.0.contains_key(&format!("{name}_FILE"))
    }

    /// A variable as it is set; for secrets see [`Self::secret`].
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.as_str())
    }

    /// A secret by its name, or from the file that `{name}_FILE` names.
    pub fn secret(&self, name: &str) -> Result<Option<Zeroizing<String>>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.text(name), self.text(&file_name)) {
            (Some(_), Some(_)) => Err(invalid(name, format!("is set beside {file_name}: keep one"))),
            (Some(value), None) => Ok(Some(Zeroizing::new(value.to_owned()))),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| invalid(&file_name, error.to_string()))?;
                let text = Zeroizing::new(text);
                Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
            }
            (None, None) => Ok(None),
        }
    }

    pub(super) fn parsed<T>(
        &self,
        name: &str,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.text(name).map_or(Ok(default), |text| parse(text).map_err(|reason| invalid(name, reason)))
    }

    /// Whether the second of two words is set, not the first, which is the default.
    pub(super) fn either(&self, name: &str, [first, second]: [&str; 2]) -> Result<bool, ConfigError> {
        self.parsed(name, false, |text| match text {
            _ if text == first => Ok(false),
            _ if text == second => Ok(true),
            _ => Err(format!("takes {first} or {second}")),
        })
    }

    pub(super) fn within(&self, name: &str, default: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
        self.parsed(name, default, |text| {
            let value = text.parse().ok().filter(|value| (least..=most).contains(value));
            value.ok_or_else(|| format!("takes a whole number from {least} to {most}"))
        })
    }
}

/// Whether a variable is one of ours.
fn is_known(name: &str) -> bool {
    let is_file = |name: &str| {
        let secret = name.strip_suffix("_FILE");
        let setting = |secret: &str| SETTINGS.iter().any(|held| held.is_secret() && held.variable == secret);
        secret.is_some_and(|secret| SECRETS.contains(&secret) || setting(secret))
    };
    OTHERS.contains(&name)
        || VARIABLES.iter().any(|(known, _)| name == *known)
        || SETTINGS.iter().any(|setting| setting.variable == name)
        || is_file(name)
}

/// Whether a variable is a secret, which nothing shows.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}
