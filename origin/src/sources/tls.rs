//! Which certificates a remote source may show: those of the system's roots, and of the operator's own.
//!
//! The cryptography provider is named here and not taken from the process, so that no order of start-up can panic.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Extra certificates that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not PEM, or without a certificate, or with one that is damaged.
    #[error("the file of extra certificates does not hold PEM certificates")]
    Certificates,
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up")]
    Protocol,
}

/// TLS 1.2 and 1.3 to servers whose certificates the system or `extra_ca_pem` vouches for.
///
/// A system without root certificates is no error: it is logged, and every fetch then fails as unreachable.
pub(crate) fn client_config(extra_ca_pem: Option<&[u8]>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (_added, _ignored) = roots.add_parsable_certificates(system.certs);
    for error in system.errors {
        tracing::warn!(%error, "a root certificate of the system cannot be read");
    }
    if let Some(pem) = extra_ca_pem {
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| TrustError::Certificates)?;
        if certificates.is_empty() {
            return Err(TrustError::Certificates);
        }
        certificates.into_iter().try_for_each(|der| roots.add(der)).map_err(|_| TrustError::Certificates)?;
    }
    if roots.is_empty() {
        tracing::warn!("the system has no root certificates: no remote source can be fetched");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| TrustError::Protocol)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_certificates_are_read_strictly() {
        for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(client_config(Some(pem.as_bytes())).err(), Some(TrustError::Certificates), "{pem}");
        }
        assert!(client_config(None).is_ok());
    }
}
