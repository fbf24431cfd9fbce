//! `sealpix serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use sealpix_origin::config::{Config, Environment};
use sealpix_origin::delivery::Delivery;
use sealpix_origin::origin::Origin;
use sealpix_origin::server;
use tokio::net::TcpListener;

use super::CommandError;

/// Serve signed image URLs until SIGTERM or Ctrl-C.
#[derive(Args)]
pub(crate) struct Serve {
    /// Address and port; port 0 takes a free one
    #[arg(long, env = "SEALPIX_LISTEN")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let mut config = Config::read(&Environment::of_process())?;
        config.listen = self.listen.unwrap_or(config.listen);
        let listen = config.listen;
        let origin = Origin::open(config).await?;
        if let Some(damaged) = origin.check_cells().await?.1.into_iter().next() {
            return Err(damaged.into());
        }
        let delivery = Arc::new(Delivery::new(origin)?);
        let io = |error| CommandError::Io(format!("cannot listen on {listen}"), error);
        let listener = TcpListener::bind(listen).await.map_err(io)?;
        println!("listening on http://{}", listener.local_addr().map_err(io)?);
        server::serve(listener, delivery).await.map_err(io)
    }
}
