//! The remote source: https to a public address, and nothing else.
//!
//! One fetch, top to bottom: the URL is asserted to have one spelling, its host's addresses are checked where they are
//! resolved, the connection goes to exactly these, the answer must be a plain 200, and its body is read under a cap. A
//! redirect, if any are allowed, is the same way again. One deadline stands over all of it.
//!
//! Nothing of the visitor's request reaches the other side, and nothing of the process environment (proxies) changes the
//! way. A connection that is kept for reuse was opened to a checked address, by a client with the same settings.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::address::{AllowedNetworks, Verdict};
use super::answer::{cause, read_unchanged, read_whole};
use super::condition;
use super::resolver::{CheckedResolver, Resolve};
use super::tls::{self, TrustError};
use super::{FetchLimits, Fetched, RedirectRefusal, Source, SourceError, Validator};

/// Marks our own requests to upstream servers, so that delivery can refuse them: a source that leads back to an edge of
/// ours would otherwise be fetched in a circle.
pub const FETCH_MARK: HeaderName = HeaderName::from_static("sealpix-fetch");

const USER_AGENT: &str = "Sealpix/1";

/// What the decoder reads; some servers pick the format by it.
const ACCEPTED_TYPES: HeaderValue =
    HeaderValue::from_static("image/avif,image/webp,image/png,image/jpeg,image/gif,image/*;q=0.8");

/// Shorter than the deadline, so that a host's second address gets a turn when the first one is silent.
const CONNECT_TIMEOUT_SECS: u64 = 5;

/// Below the keep-alive time of common servers, so that we close first.
const IDLE_CONNECTION_SECS: u64 = 30;

/// A source is fetched once per original; more idle connections to one host than this serve nobody.
const IDLE_CONNECTIONS_PER_HOST: usize = 8;

/// How many redirects are followed: 0, the default, to 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaxRedirects(u8);

impl MaxRedirects {
    /// More than this is no move of a picture, but a chain of trackers.
    pub const MOST: u8 = 3;

    /// `count` redirects, if at most [`Self::MOST`].
    pub fn new(count: u8) -> Option<Self> {
        (count <= Self::MOST).then_some(Self(count))
    }
}

/// The operator's settings for remote sources.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// `SEALPIX_SOURCE_ALLOW_NETWORKS`: private networks that may be dialled. Every other check stays.
    pub allowed_networks: AllowedNetworks,
    /// The content of `SEALPIX_SOURCE_EXTRA_CA_FILE`: certificates in PEM, trusted beside those of the system.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// How many redirects are followed.
    pub max_redirects: MaxRedirects,
}

/// Remote servers, reached by https.
pub struct HttpSource {
    client: Client,
    resolver: CheckedResolver,
    max_redirects: MaxRedirects,
}

/// Why a [`HttpSource`] cannot be made of its settings.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// The extra certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client refused its configuration.
    #[error("the HTTP client for sources cannot be set up")]
    Client(#[from] reqwest::Error),
}

impl HttpSource {
    /// A source with its own connections; two sources with different settings share none.
    ///
    /// # Errors
    /// Extra certificates that are not PEM certificates.
    pub fn new(settings: HttpSettings, resolver: Arc<dyn Resolve>) -> Result<Self, HttpSetupError> {
        if !settings.allowed_networks.is_empty() {
            tracing::warn!(networks = ?settings.allowed_networks, "sources may be fetched from these private networks");
        }
        let tls = tls::client_config(settings.extra_ca_pem.as_deref())?;
        let resolver = CheckedResolver::new(resolver, settings.allowed_networks);
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .dns_resolver(resolver.clone())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(USER_AGENT)
            .default_headers(request_headers())
            .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_SECS))
            .pool_idle_timeout(Duration::from_secs(IDLE_CONNECTION_SECS))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
            .build()?;
        Ok(Self { client, resolver, max_redirects: settings.max_redirects })
    }

    /// Fetches `https://{text}`, following redirects only to what `admits` says yes to, which is asked with the target's
    /// `host[:port]/path?query`. The gate admitted `text` itself before.
    ///
    /// # Errors
    /// A [`SourceError`]; see there.
    pub async fn fetch_admitting(
        &self,
        text: &str,
        limits: &FetchLimits,
        admits: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Fetched, SourceError> {
        self.fetch_unless(text, limits, admits, None).await?.ok_or(SourceError::UpstreamStatus(304))
    }

    /// As [`HttpSource::fetch_admitting`]; `None` where the server says that it is still what came with `held`.
    ///
    /// # Errors
    /// As [`HttpSource::fetch_admitting`]; a 304 that was not asked for is one.
    pub async fn fetch_unless(
        &self,
        text: &str,
        limits: &FetchLimits,
        admits: &(dyn Fn(&str) -> bool + Sync),
        held: Option<&Validator>,
    ) -> Result<Option<Fetched>, SourceError> {
        let url = parse_exactly(text)?;
        let whole = self.fetch_through_redirects(url, limits.max_bytes, admits, held);
        tokio::time::timeout(limits.deadline, whole).await.map_err(|_| SourceError::Timeout)?
    }

    /// The addresses of the host that `https://{text}` names, and what each is: for people to read. The look-up is one
    /// of its own: what is fetched is decided by the checks of the fetch. A host in another spelling is shown too.
    pub async fn addresses(&self, text: &str, limits: &FetchLimits) -> Vec<(IpAddr, Verdict)> {
        let Ok(url) = Url::parse(&format!("https://{text}")) else { return Vec::new() };
        match url.host() {
            Some(Host::Domain(host)) => {
                tokio::time::timeout(limits.deadline, self.resolver.verdicts(host)).await.unwrap_or_default()
            }
            Some(Host::Ipv4(address)) => vec![self.resolver.verdict(IpAddr::V4(address))],
            Some(Host::Ipv6(address)) => vec![self.resolver.verdict(IpAddr::V6(address))],
            None => Vec::new(),
        }
    }

    async fn fetch_through_redirects(
        &self,
        mut url: Url,
        max_bytes: usize,
        admits: &(dyn Fn(&str) -> bool + Sync),
        held: Option<&Validator>,
    ) -> Result<Option<Fetched>, SourceError> {
        let mut condition = held.and_then(condition::header);
        let mut visited = Vec::new();
        loop {
            // A validator is one URL's: another URL is asked without it, and what a redirect led to has none to keep.
            let condition = condition.take();
            let is_conditional = condition.is_some();
            let response = self.request(&url, HeaderMap::from_iter(condition)).await?;
            if is_conditional && response.status() == StatusCode::NOT_MODIFIED {
                return read_unchanged(response).await.map(|()| None);
            }
            if !is_redirect(response.status()) {
                let fetched = read_whole(response, max_bytes).await?;
                let validator = fetched.validator.filter(|_| visited.is_empty());
                return Ok(Some(Fetched { validator, ..fetched }));
            }
            if visited.len() == usize::from(self.max_redirects.0) {
                return Err(SourceError::RedirectNotAllowed(RedirectRefusal::TooMany));
            }
            let target = redirect_target(&url, &response)?;
            visited.push(url);
            if visited.contains(&target) {
                return Err(SourceError::RedirectNotAllowed(RedirectRefusal::Loop));
            }
            if !admits(after_scheme(&target)) {
                return Err(SourceError::RedirectNotAllowed(RedirectRefusal::Target));
            }
            url = target;
        }
    }

    /// One request with headers beside our own, to a checked address; no redirect is followed here.
    pub(super) async fn request(&self, url: &Url, headers: HeaderMap) -> Result<Response, SourceError> {
        match url.host() {
            Some(Host::Domain(_)) => {} // checked by the resolver that the client has
            Some(Host::Ipv4(address)) => self.resolver.check(IpAddr::V4(address))?,
            Some(Host::Ipv6(address)) => self.resolver.check(IpAddr::V6(address))?,
            None => return Err(SourceError::Malformed),
        }
        let request = self.client.get(url.clone()).headers(headers);
        request.send().await.map_err(|error| cause(error, SourceError::Unreachable))
    }
}

#[async_trait]
impl Source for HttpSource {
    /// As [`HttpSource::fetch_admitting`], with redirects kept to the host and port asked for.
    async fn fetch(&self, text: &str, limits: &FetchLimits) -> Result<Fetched, SourceError> {
        self.fetch_admitting(text, limits, &|target| authority(target) == authority(text)).await
    }

    async fn fetch_if_changed(
        &self,
        text: &str,
        held: &Validator,
        limits: &FetchLimits,
    ) -> Result<Option<Fetched>, SourceError> {
        self.fetch_unless(text, limits, &|target| authority(target) == authority(text), Some(held)).await
    }
}

/// `host[:port]` of a remote text.
fn authority(text: &str) -> Option<&str> {
    text.split_once('/').map(|(authority, _)| authority)
}

fn request_headers() -> HeaderMap {
    HeaderMap::from_iter([
        (ACCEPT, ACCEPTED_TYPES),
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        (FETCH_MARK, HeaderValue::from_static("1")),
    ])
}

/// `https://{text}`, if parsing and printing it gives the same bytes: what the gate saw is what is fetched.
fn parse_exactly(text: &str) -> Result<Url, SourceError> {
    let spelled = format!("https://{text}");
    let url = Url::parse(&spelled).map_err(|_| SourceError::Malformed)?;
    let plain = is_plain_https(&url) && url.fragment().is_none();
    if plain && url.as_str() == spelled { Ok(url) } else { Err(SourceError::Malformed) }
}

fn is_plain_https(url: &Url) -> bool {
    url.scheme() == "https" && url.username().is_empty() && url.password().is_none() && url.host().is_some()
}

fn after_scheme(url: &Url) -> &str {
    &url[url::Position::BeforeHost..]
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads: resolved against the URL that was asked, without a fragment.
fn redirect_target(asked: &Url, response: &Response) -> Result<Url, SourceError> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let target = location.and_then(|location| asked.join(location).ok());
    let mut target = target.ok_or(SourceError::RedirectNotAllowed(RedirectRefusal::Malformed))?;
    target.set_fragment(None);
    if target.scheme() != "https" {
        return Err(SourceError::RedirectNotAllowed(RedirectRefusal::Scheme));
    }
    if is_plain_https(&target) { Ok(target) } else { Err(SourceError::RedirectNotAllowed(RedirectRefusal::Malformed)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should stop")]
    use super::super::address::tests::refused;
    use super::super::resolver::tests::Fixed;
    use super::*;

    fn source(answer: Option<Vec<IpAddr>>) -> HttpSource {
        HttpSource::new(HttpSettings::default(), Arc::new(Fixed(answer))).unwrap()
    }

    #[tokio::test]
    async fn ssrf_2_3_and_11_no_refused_address_is_dialled_as_a_literal_or_as_an_answer() {
        let limits = FetchLimits::default();
        let literals = source(None);
        let refused = refused();
        for address in refused {
            let host: Host<&str> = match address {
                IpAddr::V4(v4) => Host::Ipv4(v4),
                IpAddr::V6(v6) => Host::Ipv6(v6),
            };
            let literal = literals.fetch(&format!("{host}:8443/photo.jpg"), &limits).await;
            assert_eq!(literal, Err(SourceError::AddressBlocked), "{address} as a literal");
            let answered = source(Some(vec![address])).fetch("cdn.example.com/photo.jpg", &limits).await;
            assert_eq!(answered, Err(SourceError::AddressBlocked), "{address} as an answer");
        }
    }

    #[tokio::test]
    async fn ssrf_7_and_8_only_one_spelling_of_a_url_is_fetched() {
        let table = [
            "",
            "/",
            "cdn.example.com",
            "cdn.example.com?a",
            "CDN.example.com/a",
            "cdn.example.com:443/a",
            "cdn.example.com:/a",
            "cdn.example.com:0443/a",
            "cdn.example.com:65536/a",
            "user@cdn.example.com/a",
            "user:word@cdn.example.com/a",
            ":@cdn.example.com/a",
            "@cdn.example.com/a",
            "cdn.example.com/a#b",
            "cdn.example.com/a#",
            "cdn.example.com/a\\b",
            "cdn.example.com\\@evil.test/a",
            "cdn.example.com/a\tb",
            "cdn.example.com/a\n",
            "\tcdn.example.com/a",
            " cdn.example.com/a",
            "cdn.example.com/a ",
            "cdn.example.com/a b",
            "cdn.example.com/../a",
            "cdn.example.com/./a",
            "cdn.example.com/%2e%2e/a",
            "cdn.example.com/%2E/a",
            "cdn.example.com/a/..",
            "cdn.example.com/å",
            "cdn.example.com/a?\"",
            "/cdn.example.com/a",
            "//cdn.example.com/a",
            "0x7f.1/a",
            "0177.0.0.1/a",
            "2130706433/a",
            "127.1/a",
            "127.0.0.1./a",
            "[::FFFF:7f00:1]/a",
            "[::ffff:127.0.0.1]/a",
            "[0:0::1]/a",
            "cdn.example.com%2f/a",
            "%63dn.example.com/a",
            "cdn。example.com/a",
            "ｃdn.example.com/a",
            "xn--/a",
            "cdn.exa\u{ad}mple.com/a",
            "cdn.example.com/a\0",
        ];
        let source = source(None);
        for text in table {
            let fetched = source.fetch(text, &FetchLimits::default()).await;
            assert_eq!(fetched, Err(SourceError::Malformed), "{text:?}");
        }
        for text in
            ["cdn.example.com/a", "cdn.example.com:8443/a%20b,c:d@e=f?g=%22&h", "cdn.example.com//a", "a.b/%252e%252e/"]
        {
            let fetched = source.fetch(text, &FetchLimits::default()).await;
            assert_eq!(fetched, Err(SourceError::Unreachable), "{text:?} reaches the resolver");
        }
    }

    #[tokio::test]
    async fn fetch_7_the_deadline_covers_the_look_up() {
        struct Silent;
        #[async_trait]
        impl Resolve for Silent {
            async fn resolve(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
                std::future::pending().await
            }
        }
        let source = HttpSource::new(HttpSettings::default(), Arc::new(Silent)).unwrap();
        let limits = FetchLimits { deadline: Duration::from_millis(20), ..FetchLimits::default() };
        assert_eq!(source.fetch("cdn.example.com/a", &limits).await, Err(SourceError::Timeout));
    }

    #[test]
    fn redirects_are_none_by_default_and_three_at_most() {
        assert_eq!(MaxRedirects::default(), MaxRedirects::new(0).unwrap());
        assert!(MaxRedirects::new(3).is_some() && MaxRedirects::new(4).is_none());
    }

    #[test]
    fn extra_certificates_that_are_none_are_refused() {
        let settings = HttpSettings { extra_ca_pem: Some(b"none".to_vec()), ..HttpSettings::default() };
        let refused = HttpSource::new(settings, Arc::new(Fixed(None))).err().map(|error| error.to_string());
        assert_eq!(refused.unwrap(), "the file of extra certificates does not hold PEM certificates");
    }
}
