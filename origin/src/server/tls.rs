//! TLS that ends here, for an origin without a proxy before it: TLS 1.2 and 1.3, HTTP/1.1.
//!
//! The cryptography provider is named and not taken from the process, as in [`crate::sources::tls`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// The variables that name the two files; the flags are `--tls-cert` and `--tls-key`.
const CERTIFICATE: &str = "SEALPIX_TLS_CERT_FILE (--tls-cert)";
const KEY: &str = "SEALPIX_TLS_KEY_FILE (--tls-key)";

/// Why TLS is not served. Each names the setting, and none repeats what the key's file holds.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the two without the other.
    #[error("{0} is not set, but the other of the pair is")]
    Half(&'static str),
    /// A file that cannot be read.
    #[error("{setting}: {path}: {error}")]
    Unreadable {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// A file that holds something else.
    #[error("{setting}: {path} does not hold {expected} in PEM")]
    Foreign {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// Two files that do not belong together.
    #[error("{KEY}: the key is not that of the first certificate of {CERTIFICATE}")]
    Mismatch,
    /// A certificate or a key that the library does not take.
    #[error("{CERTIFICATE}, {KEY}: {0}")]
    Refused(#[from] rustls::Error),
}

/// What accepts TLS with these two files, or nothing if there are none. The certificates stand in the chain's order,
/// the server's own first.
///
/// # Errors
/// Half a pair, a file that cannot be read or holds something else, a key that is another certificate's.
pub fn acceptor(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<TlsAcceptor>, TlsError> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(TlsError::Half(KEY)),
        (None, Some(_)) => return Err(TlsError::Half(CERTIFICATE)),
        (Some(certificate), Some(key)) => (certificate, key),
    };
    let chain = chain(certificate)?;
    let key = private_key(key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
        other => TlsError::Refused(other),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(CERTIFICATE, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    chain.ok_or_else(|| foreign(CERTIFICATE, path, "certificates"))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(KEY, path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| foreign(KEY, path, "a private key"))
}

fn read(setting: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let read = std::fs::read(path).map(Zeroizing::new);
    read.map_err(|error| TlsError::Unreadable { setting, path: path.to_owned(), error })
}

fn foreign(setting: &'static str, path: &Path, expected: &'static str) -> TlsError {
    TlsError::Foreign { setting, path: path.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with two pairs, `a` and `b`.
    fn pairs() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
            std::fs::write(folder.path().join(format!("{name}.crt")), made.cert.pem()).unwrap();
            std::fs::write(folder.path().join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        }
        std::fs::write(folder.path().join("empty"), "").unwrap();
        folder
    }

    #[test]
    fn a_pair_that_fits_is_served_and_none_is_none() {
        let folder = pairs();
        let path = |name: &str| folder.path().join(name);
        assert!(acceptor(Some(&path("a.crt")), Some(&path("a.key"))).unwrap().is_some());
        assert!(acceptor(None, None).unwrap().is_none());
    }

    #[test]
    fn cfg2_whatever_is_wrong_with_a_pair_is_named() {
        let folder = pairs();
        for (certificate, key, named) in [
            (Some("a.crt"), None, "SEALPIX_TLS_KEY_FILE (--tls-key) is not set"),
            (None, Some("a.key"), "SEALPIX_TLS_CERT_FILE (--tls-cert) is not set"),
            (Some("missing"), Some("a.key"), "SEALPIX_TLS_CERT_FILE (--tls-cert): "),
            (Some("a.crt"), Some("missing"), "SEALPIX_TLS_KEY_FILE (--tls-key): "),
            (Some("empty"), Some("a.key"), "does not hold certificates"),
            (Some("a.crt"), Some("empty"), "does not hold a private key"),
            (Some("a.key"), Some("a.crt"), "does not hold certificates"),
            (Some("a.crt"), Some("b.key"), "the key is not that of the first certificate"),
        ] {
            let path = |name: Option<&str>| name.map(|name| folder.path().join(name));
            let error = acceptor(path(certificate).as_deref(), path(key).as_deref()).err().unwrap().to_string();
            assert!(error.contains(named), "{certificate:?} {key:?}: {error}");
        }
    }
}
