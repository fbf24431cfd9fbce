//! The command line: one file a command.

/// The standard library's would panic where the reader of a pipe has gone; see [`out::line`].
macro_rules! println {
    ($($text:tt)*) => { $crate::commands::out::line(format_args!($($text)*)) };
}

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod edge;
pub(crate) mod findings;
pub(crate) mod flags;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod license;
pub(crate) mod openapi;
pub(crate) mod out;
pub(crate) mod projects;
pub(crate) mod purge;
pub(crate) mod registry;
pub(crate) mod rotate;
pub(crate) mod secrets;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod sign;
pub(crate) mod transfer;
pub(crate) mod users;

#[cfg(test)]
mod tests;

use std::io::Read as _;

use sealpix::key::{KeyError, SecretKey};
use sealpix_origin::access::session::ShortJwtSecret;
use sealpix_origin::admin::OfferError;
use sealpix_origin::config::{Config, ConfigError, Database, Environment};
use sealpix_origin::delivery::StartError;
use sealpix_origin::edge_link::push::PushSetupError;
use sealpix_origin::keys::MintError;
use sealpix_origin::origin::{OpenError, Origin};
use sealpix_origin::registry::transfer::TransferError;
use sealpix_origin::registry::{RegistryError, StateError};
use sealpix_origin::server::tls::TlsError;
use sealpix_origin::settings::SettingError;
use sealpix_origin::sources::configured::ConfiguredError;
use sealpix_origin::vault::VaultError;
use zeroize::Zeroizing;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The origin does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// A source.
    #[error(transparent)]
    Source(#[from] ConfiguredError),
    /// Delivery.
    #[error(transparent)]
    Delivery(#[from] StartError),
    /// The pusher.
    #[error(transparent)]
    Push(#[from] PushSetupError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The admin API.
    #[error("the admin API: {0}")]
    Admin(#[from] ShortJwtSecret),
    /// The first run's token.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A setting.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A new key.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// A file, a socket.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// A backup file.
    #[error("{0}: {1}")]
    Backup(String, TransferError),
    /// A wrong use of the command line that clap does not see.
    #[error("{0}")]
    Usage(String),
    /// Anything that needs no variant.
    #[error("{0}")]
    Refused(String),
    /// The answer, printed already, is a refusal.
    #[error("")]
    Answered,
}

/// More than the longest secret, a licence, with space around it.
const MAX_STDIN_BYTES: u64 = 20_000;

/// Opens the origin as configured.
pub(crate) async fn open() -> Result<Origin, CommandError> {
    let config = Config::read(&Environment::of_process())?;
    Ok(Origin::open(config).await?)
}

/// The configuration, where there is a database: a command that only looks makes nothing.
pub(crate) fn configured_existing() -> Result<Config, CommandError> {
    let config = Config::read(&Environment::of_process())?;
    if let Database::Sqlite(file) = &config.database
        && !file.exists()
    {
        let path = file.display();
        return Err(CommandError::Refused(format!("{path} is not there: run sealpix setup, or set SEALPIX_DATA_DIR")));
    }
    Ok(config)
}

/// Opens the origin where there is one.
pub(crate) async fn open_existing() -> Result<Origin, CommandError> {
    Ok(Origin::open(configured_existing()?).await?)
}

/// The secret key from `SEALPIX_SECRET_KEY`, `SEALPIX_SECRET_KEY_FILE`, or, where `stdin` is asked for, standard input.
/// Never from the arguments: other users of the machine can read these.
pub(crate) fn secret_key(stdin: bool) -> Result<Option<SecretKey>, CommandError> {
    let text = if stdin { Some(read_stdin()?) } else { Environment::of_process().secret("SEALPIX_SECRET_KEY")? };
    let parsed = text.map(|text| SecretKey::parse(text.trim())).transpose();
    parsed.map_err(CommandError::from)
}

/// Standard input, as far as any secret of ours reaches.
pub(crate) fn read_stdin() -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::new());
    let mut limited = std::io::stdin().take(MAX_STDIN_BYTES);
    limited.read_to_string(&mut text).map_err(|error| CommandError::Io("standard input".into(), error))?;
    Ok(text)
}

/// Prints a value as JSON, in lines a person can read.
pub(crate) fn print_json(value: &serde_json::Value) {
    println!("{value:#}");
}
