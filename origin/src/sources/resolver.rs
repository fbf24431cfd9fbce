//! Names to addresses, with the check between: the addresses that were checked are the ones that are dialled.
//!
//! `CheckedResolver` is the only resolver that the HTTP client of [`super::http`] has. Its answer is what the client
//! connects to; there is no second look-up whose answer could differ (rebinding). One address that may not be dialled
//! refuses the whole answer, since an attacker who can add one public address to a private one must gain nothing by it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns;

use super::SourceError;
use super::address::{AllowedNetworks, Verdict, may_dial, verdict};

/// A name with more addresses than this is no picture server but a way to make us knock at many doors.
const DIALLED_ADDRESSES: usize = 8;

/// The most addresses of a name that are shown.
const SHOWN_ADDRESSES: usize = 32;

/// Looks up the addresses of a host name. Passed in, so that tests can bring their own name server.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of `host`, in the order in which to try them.
    ///
    /// # Errors
    /// Any failure of the look-up, an unknown name included.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system, with its hosts file and its search domains; what they add is checked like the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let answer = tokio::net::lookup_host((host, 0)).await?;
        Ok(answer.map(|address| address.ip()).collect())
    }
}

/// A resolver whose answers hold only addresses that may be dialled.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    resolver: Arc<dyn Resolve>,
    allowed: Arc<AllowedNetworks>,
}

impl CheckedResolver {
    pub(super) fn new(resolver: Arc<dyn Resolve>, allowed: AllowedNetworks) -> Self {
        Self { resolver, allowed: Arc::new(allowed) }
    }

    /// The addresses of `host`; a failed or empty look-up is no permission.
    async fn resolve_checked(&self, host: &str) -> Result<Vec<IpAddr>, SourceError> {
        let addresses = self.resolver.resolve(host).await.map_err(|error| {
            tracing::debug!(host, %error, "a source's host cannot be resolved");
            SourceError::Unreachable
        })?;
        if addresses.is_empty() {
            return Err(SourceError::Unreachable);
        }
        addresses.iter().try_for_each(|address| self.check(*address))?;
        Ok(addresses)
    }

    /// What the addresses of `host` are, for people to read: nothing is dialled by it.
    pub(super) async fn verdicts(&self, host: &str) -> Vec<(IpAddr, Verdict)> {
        let addresses = self.resolver.resolve(host).await.unwrap_or_default();
        addresses.into_iter().take(SHOWN_ADDRESSES).map(|address| self.verdict(address)).collect()
    }

    /// What an address is.
    pub(super) fn verdict(&self, address: IpAddr) -> (IpAddr, Verdict) {
        (address, verdict(address, &self.allowed))
    }

    /// Checks an address that was not looked up: the client skips its resolver for hosts that are IP addresses.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), SourceError> {
        if may_dial(address, &self.allowed) {
            return Ok(());
        }
        tracing::warn!(%address, "a source's address was refused");
        Err(SourceError::AddressBlocked)
    }
}

impl dns::Resolve for CheckedResolver {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let checked = self.clone();
        Box::pin(async move {
            let addresses = checked.resolve_checked(name.as_str()).await?;
            // Port 0 is replaced by the port of the URL.
            let dialled = addresses.into_iter().take(DIALLED_ADDRESSES).map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(dialled) as dns::Addrs)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should stop")]
    use super::super::address::tests::refused;
    use super::*;

    /// Answers every name with the same addresses, or fails where there is no answer to give.
    pub(crate) struct Fixed(pub(crate) Option<Vec<IpAddr>>);

    #[async_trait]
    impl Resolve for Fixed {
        async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            self.0.clone().ok_or_else(|| io::Error::other("SERVFAIL"))
        }
    }

    async fn answer(addresses: Option<Vec<IpAddr>>) -> Result<Vec<IpAddr>, SourceError> {
        let checked = CheckedResolver::new(Arc::new(Fixed(addresses)), AllowedNetworks::default());
        checked.resolve_checked("cdn.example.com").await
    }

    #[tokio::test]
    async fn ssrf_4_one_bad_address_refuses_the_answer_wherever_it_stands() {
        let public: IpAddr = [93, 184, 215, 14].into();
        assert_eq!(answer(Some(vec![public])).await, Ok(vec![public]));
        for bad in refused() {
            for addresses in [vec![bad], vec![bad, public], vec![public, bad], vec![public, bad, public]] {
                assert_eq!(answer(Some(addresses)).await, Err(SourceError::AddressBlocked), "{bad}");
            }
        }
    }

    #[tokio::test]
    async fn ssrf_11_a_failed_or_empty_look_up_is_no_permission() {
        assert_eq!(answer(None).await, Err(SourceError::Unreachable));
        assert_eq!(answer(Some(vec![])).await, Err(SourceError::Unreachable));
    }

    #[tokio::test]
    async fn a_name_with_many_addresses_is_dialled_at_a_few() {
        let many: Vec<IpAddr> = (1..=100).map(|last| [93, 184, 215, last].into()).collect();
        let checked = CheckedResolver::new(Arc::new(Fixed(Some(many))), AllowedNetworks::default());
        let dialled = dns::Resolve::resolve(&checked, "cdn.example.com".parse().unwrap()).await.unwrap();
        assert_eq!(dialled.count(), DIALLED_ADDRESSES);
    }
}
