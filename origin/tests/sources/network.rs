//! What the tests' sources know of the network: names, and the one private network they may dial.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use sealpix_origin::sources::address::AllowedNetworks;
use sealpix_origin::sources::http::{HttpSettings, HttpSource, MaxRedirects};
use sealpix_origin::sources::resolver::Resolve;

use crate::server::Authority;

/// Names with fixed addresses; every other name is unknown.
pub(crate) struct Names(HashMap<String, Vec<IpAddr>>);

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.0.get(host).cloned().ok_or_else(|| io::Error::other("NXDOMAIN"))
    }
}

/// `pictures.test` and `other.test` are here, `private.test` is in a network that nobody allowed.
pub(crate) fn names() -> Arc<Names> {
    let table = [
        ("pictures.test", "127.0.0.1"),
        ("other.test", "127.0.0.1"),
        ("unnamed.test", "127.0.0.1"),
        ("private.test", "10.0.0.1"),
        ("s3.test", "127.0.0.1"),
        ("photos.s3.test", "127.0.0.1"),
    ];
    Arc::new(Names(table.map(|(name, address)| (name.to_owned(), vec![address.parse().unwrap()])).into()))
}

/// Loopback is allowed, the tests' authority is trusted, and every other check is in force.
pub(crate) fn settings(authority: &Authority, redirects: u8) -> HttpSettings {
    HttpSettings {
        allowed_networks: AllowedNetworks::parse("127.0.0.0/8").unwrap(),
        extra_ca_pem: Some(authority.pem().into_bytes()),
        max_redirects: MaxRedirects::new(redirects).unwrap(),
    }
}

/// A source with [`settings`] and [`names`].
pub(crate) fn source(authority: &Authority, redirects: u8) -> HttpSource {
    HttpSource::new(settings(authority, redirects), names()).unwrap()
}
