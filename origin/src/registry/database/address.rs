//! Where a PostgreSQL server is and how it is spoken to: `postgres://user:password@host:port/database?sslmode=…`.
//!
//! The parameters are libpq's (PostgreSQL documentation, "Connection URIs"), of which `sslmode` and `sslrootcert`
//! are read here and the rest by tokio-postgres. The URL holds a password: no error repeats any part of it.

use std::path::Path;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

/// How long a server may take to answer a connection, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    Disable,
    /// TLS if the server has it; its certificate is not verified.
    Prefer,
    /// TLS or no connection; its certificate is not verified.
    Require,
    /// TLS or no connection, to a server whose certificate is trusted and names the host.
    VerifyFull,
}

/// A server's address with what opens it. Prints as nothing but its kind.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(super) config: tokio_postgres::Config,
    pub(super) protection: Protection,
    pub(super) extra_roots: Option<Vec<u8>>,
}

impl std::fmt::Debug for PostgresAddress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PostgresAddress(redacted)")
    }
}

impl PostgresAddress {
    /// Reads a URL; the error says what is wrong and quotes nothing.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (head, query) = url.split_once('?').unwrap_or((url, ""));
        if url.matches('@').count() > 1 || head.matches('@').count() != url.matches('@').count() {
            return Err("user, password and parameters must be percent-encoded".to_owned());
        }
        let mut protection = Protection::Prefer;
        let mut extra_roots = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => protection = read_mode(mode)?,
                Some(("sslrootcert", file)) => extra_roots = Some(read_roots(file)?),
                _ => rest.push(pair),
            }
        }
        let url = if rest.is_empty() { head.to_owned() } else { format!("{head}?{}", rest.join("&")) };
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|_| "is no PostgreSQL URL: postgres://user:password@host:port/database".to_owned())?;
        if config.get_hosts().is_empty() {
            return Err("names no host".to_owned());
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("sealpix");
        }
        // As libpq does: a socket of this machine has no TLS and needs none.
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            protection = Protection::Disable;
        }
        config.ssl_mode(match protection {
            Protection::Disable => SslMode::Disable,
            Protection::Prefer => SslMode::Prefer,
            Protection::Require | Protection::VerifyFull => SslMode::Require,
        });
        Ok(Self { config, protection, extra_roots })
    }

    /// Whether the URL holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// How the connection is protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Whether somebody between here and the server could pose as the server.
    #[must_use]
    pub fn can_be_impersonated(&self) -> bool {
        let leaves = |host: &Host| match host {
            Host::Tcp(name) => {
                name != "localhost" && !name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            Host::Unix(_) => false,
        };
        self.protection != Protection::VerifyFull && self.config.get_hosts().iter().any(leaves)
    }
}

fn read_mode(mode: &str) -> Result<Protection, String> {
    match mode {
        "disable" => Ok(Protection::Disable),
        "prefer" => Ok(Protection::Prefer),
        "require" => Ok(Protection::Require),
        "verify-full" => Ok(Protection::VerifyFull),
        _ => Err("sslmode takes disable, prefer, require or verify-full".to_owned()),
    }
}

fn read_roots(file: &str) -> Result<Vec<u8>, String> {
    // A plus in a URL's query is a plus to libpq.
    let pair = format!("file={}", file.replace('+', "%2B"));
    let path = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, path)| path.into_owned());
    std::fs::read(Path::new(&path.unwrap_or_default())).map_err(|error| format!("sslrootcert: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_are_read_and_nothing_weaker_is_taken_for_them() {
        for (query, protection) in [
            ("", Protection::Prefer),
            ("?sslmode=disable", Protection::Disable),
            ("?sslmode=prefer", Protection::Prefer),
            ("?sslmode=require&connect_timeout=3", Protection::Require),
            ("?application_name=x&sslmode=verify-full", Protection::VerifyFull),
        ] {
            for scheme in ["postgres", "postgresql"] {
                let address = PostgresAddress::parse(&format!("{scheme}://u:p@db.example:5433/d{query}")).unwrap();
                assert_eq!(address.protection(), protection, "{query}");
                assert_eq!(address.can_be_impersonated(), protection != Protection::VerifyFull, "{query}");
            }
        }
        for query in ["sslmode=verify-ca", "sslmode=allow", "sslmode=", "sslmode=Require", "sslcert=x", "typo=1"] {
            assert!(PostgresAddress::parse(&format!("postgres://u:p@h/d?{query}")).is_err(), "{query}");
        }
        let socket = PostgresAddress::parse("postgres://u:p@%2Frun%2Fpostgresql/d?sslmode=require").unwrap();
        assert_eq!((socket.protection(), socket.can_be_impersonated()), (Protection::Disable, false));
        assert!(!PostgresAddress::parse("postgres://u:p@127.0.0.1/d").unwrap().can_be_impersonated());
    }

    #[test]
    fn no_error_and_no_debug_output_repeats_the_url() {
        for url in [
            "postgres://u:hunter2@h:hunter2/d",
            "postgres://u:hunter2@hunter2@h/d",
            "postgres://u:hun?hunter2=hunter2&ter2@h/d",
            "postgres://u:hunter2@/d",
            "postgres://u:hunter2@h/d?hunter2=1",
            "postgres://u:hunter2@h/d?sslmode=hunter2",
            "postgres://u:hunter2@h/d?sslrootcert=/nowhere/hunter2",
            "postgres://hunter2",
        ] {
            match PostgresAddress::parse(url) {
                Ok(address) => assert!(!format!("{address:?}").contains("hunter2"), "{url}"),
                Err(error) => assert!(!error.contains("hunter2"), "{url}: {error}"),
            }
        }
    }
}
