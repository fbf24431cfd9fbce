//! `sealpix serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use sealpix_origin::admin::Admin;
use sealpix_origin::config::{Config, Environment};
use sealpix_origin::delivery::Delivery;
use sealpix_origin::edge_link::push::Pusher;
use sealpix_origin::observe::health::Health;
use sealpix_origin::observe::metrics::Metrics;
use sealpix_origin::observe::page;
use sealpix_origin::origin::Origin;
use sealpix_origin::server::{self, Serving, tls};
use tokio::net::TcpListener;

use super::CommandError;

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
}

impl Serve {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let mut config = Config::read(&Environment::of_process())?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.tls_cert = self.tls_cert.or(config.tls_cert);
        config.tls_key = self.tls_key.or(config.tls_key);
        let (listen, metrics_listen) = (config.listen, config.metrics_listen);
        let tls = tls::acceptor(config.tls_cert.as_deref(), config.tls_key.as_deref())?;
        let origin = Origin::open(config).await?;
        origin.prove_cells().await?;
        let metrics = Arc::new(Metrics::new(origin.clock.secs()));
        let health = Health::new(origin.clone(), Arc::clone(&metrics));
        let pusher = match &origin.config.edge_url {
            Some(url) => Some(Pusher::new(origin.clone(), Arc::clone(&metrics), url)?),
            None => None,
        };
        let admin = Admin::new(origin.clone(), Arc::clone(&metrics))?;
        let delivery = Arc::new(Delivery::new(origin, metrics)?);
        let operators = match metrics_listen {
            Some(address) => {
                let (listener, address) = bind(address).await?;
                announce(format_args!("metrics on http://{address}{}", page::PATH));
                Some(listener)
            }
            None => None,
        };
        let (listener, address) = bind(listen).await?;
        // The last line: whoever reads it may ask.
        announce(format_args!("listening on {}://{address}", if tls.is_some() { "https" } else { "http" }));
        server::serve(Serving { listener, tls, operators, delivery, health, admin, pusher }).await;
        Ok(())
    }
}

/// Says where it listens. That nobody reads it is no reason not to serve.
fn announce(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), CommandError> {
    let io = |error| CommandError::Io(format!("cannot listen on {address}"), error);
    let listener = TcpListener::bind(address).await.map_err(io)?;
    let bound = listener.local_addr().map_err(io)?;
    Ok((listener, bound))
}
