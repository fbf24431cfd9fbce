//! `sealpix serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use sealpix_origin::admin::{self, Admin};
use sealpix_origin::config::{Config, Environment};
use sealpix_origin::delivery::Delivery;
use sealpix_origin::edge_link::push::Pusher;
use sealpix_origin::observe::health::Health;
use sealpix_origin::observe::metrics::Metrics;
use sealpix_origin::observe::page;
use sealpix_origin::origin::instances::Presence;
use sealpix_origin::origin::{LicenseState, OpenError, Origin, retention};
use sealpix_origin::server::{self, Serving, tls};
use sealpix_origin::settings::find;
use sealpix_origin::sources::configured::Configured;
use sealpix_origin::vault::JwtSecret;
use tokio::net::TcpListener;

use super::CommandError;
use super::flags::{SettingFlags, read_secret};

/// Serve signed image URLs until SIGTERM or Ctrl-C.
#[derive(Args)]
pub(crate) struct Serve {
    /// Address and port; port 0 takes a free one
    #[arg(long, env = "SEALPIX_LISTEN", hide_env_values = true)]
    listen: Option<SocketAddr>,
    /// PEM certificates to serve TLS with, the server's own first
    #[arg(long, env = "SEALPIX_TLS_CERT_FILE", hide_env_values = true)]
    tls_cert: Option<PathBuf>,
    /// PEM private key of the first of them
    #[arg(long, env = "SEALPIX_TLS_KEY_FILE", hide_env_values = true)]
    tls_key: Option<PathBuf>,
    /// The JWT secret's file, in place of JWT_SECRET
    #[arg(long, value_name = "FILE")]
    jwt_secret_file: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let mut config = Config::read(&Environment::of_process())?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.tls_cert = self.tls_cert.or(config.tls_cert);
        config.tls_key = self.tls_key.or(config.tls_key);
        if let Some(file) = &self.jwt_secret_file {
            config.jwt_secret = Some(JwtSecret::parse(read_secret(file)?)?);
        }
        self.settings.apply(&mut config)?;
        let (listen, metrics_listen) = (config.listen, config.metrics_listen);
        let tls = tls::acceptor(config.tls_cert.as_deref(), config.tls_key.as_deref())?;
        let origin = Origin::open(config).await?;
        origin.prove_cells().await?;
        check_license(&origin).await?;
        let metrics = Arc::new(Metrics::new(origin.clock.secs()));
        let health = Health::new(origin.clone(), Arc::clone(&metrics));
        let pusher = match &origin.config.edge_url {
            Some(url) => Some(Pusher::new(origin.clone(), Arc::clone(&metrics), url)?),
            None => None,
        };
        let sources = Arc::new(Configured::new(&origin)?);
        let admin = Admin::new(origin.clone(), Arc::clone(&metrics), Arc::clone(&sources))?;
        let delivery = Arc::new(Delivery::start(origin.clone(), metrics, sources).await?);
        let operators = match metrics_listen {
            Some(address) => {
                let (listener, address) = bind(address).await?;
                announce(format_args!("metrics on http://{address}{}", page::PATH));
                Some(listener)
            }
            None => None,
        };
        let (listener, address) = bind(listen).await?;
        let presence = Arc::new(Presence::register(&origin).await?);
        let beside = [
            tokio::spawn({
                let presence = Arc::clone(&presence);
                async move { presence.run().await }
            }),
            tokio::spawn(retention::run(origin.clone())),
        ];
        let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        // An instance that is refused has offered nothing.
        if let Some(token) = admin::offer_setup(&origin).await? {
            // Here alone: no log has it.
            announce(format_args!(
                "first run: make the first admin at {}/api/v1/setup with the token {}",
                reachable(&url),
                *token.reveal()
            ));
        }
        // The last line: whoever reads it may ask.
        announce(format_args!("listening on {url}"));
        server::serve(Serving { listener, tls, operators, delivery, health, admin, pusher }).await;
        beside.iter().for_each(tokio::task::JoinHandle::abort);
        presence.end().await;
        Ok(())
    }
}

/// Says where it listens. That nobody reads it is no reason not to serve.
fn announce(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A URL for whoever reads it on this machine: nobody can open the address that stands for all.
fn reachable(url: &str) -> String {
    url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:")
}

/// A flag or a variable that is set to no licence of the vendor's stops the start. A licence whose time is over does
/// not, and neither does what the registry kept from before: they count for nothing.
async fn check_license(origin: &Origin) -> Result<(), CommandError> {
    match origin.license_state().await? {
        LicenseState::None => {}
        LicenseState::Valid(license) => tracing::info!(id = license.id, holder = license.holder, "licence verified"),
        LicenseState::OutOfTime(license, error) => {
            tracing::warn!(id = license.id, %error, "the licence does not count")
        }
        LicenseState::NoPublicKey => {
            tracing::warn!("the licence does not count: no SEALPIX_LICENSE_PUBLIC_KEY to verify it with");
        }
        LicenseState::Invalid(error) if origin.config.given.set_by(find("license.key")?).is_some() => {
            return Err(OpenError::License(error).into());
        }
        LicenseState::Invalid(error) => tracing::error!(%error, "the licence does not count"),
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), CommandError> {
    let io = |error| CommandError::Io(format!("cannot listen on {address}"), error);
    let listener = TcpListener::bind(address).await.map_err(io)?;
    let bound = listener.local_addr().map_err(io)?;
    Ok((listener, bound))
}
