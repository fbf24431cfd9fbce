//! Host rules: which sites may embed (referer) and which hosts are fetched from (source).
//!
//! Rules are stored normalised; the origin normalises them and knows the public suffixes, this module only
//! reads the normal form and matches. `example.com` is that host alone; `*.example.com` its subdomains at any
//! depth, not the apex, never `evilexample.com` (SSRF-9). A port is compared only where the rule has one.

use std::fmt;

use crate::encoding::is_plain;
use crate::source::{Remote, check_host};

/// Why a text is not a rule in normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The host.
    #[error("a rule's host is lower-case labels of letters, digits and hyphens, or *. and such a host")]
    Host,
    /// The port.
    #[error("a rule's port is 1 to 65535 without leading zeros")]
    Port,
    /// The path prefix.
    #[error("a rule's path prefix is canonical path segments, ending in /")]
    Prefix,
}

/// One rule of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostRule {
    subdomains: bool,
    host: String,
    port: Option<u16>,
    /// Whole segments of the rebuilt path, with a leading and without a trailing slash.
    prefix: Option<String>,
}

impl HostRule {
    /// Reads a rule in normal form.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let (authority, prefix) = match text.find('/') {
            Some(at) => (text.get(..at).ok_or(RuleError::Host)?, Some(parse_prefix(text.get(at..).unwrap_or("/"))?)),
            None => (text, None),
        };
        let (subdomains, authority) = match authority.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, authority),
        };
        let (host, port) = split_port(authority).ok_or(RuleError::Port)?;
        let is_name = check_host(host).is_ok();
        let is_local = host == "localhost" || is_address(host);
        if !(is_name || is_local && !subdomains && prefix.is_none()) {
            return Err(RuleError::Host);
        }
        Ok(Self { subdomains, host: host.to_owned(), port, prefix: prefix.map(str::to_owned) })
    }

    /// The rule's host, without `*.`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the rule is for subdomains.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.subdomains
    }

    /// Whether the rule has a path prefix.
    #[must_use]
    pub fn has_prefix(&self) -> bool {
        self.prefix.is_some()
    }

    /// Whether the rule names a host by its address, or `localhost`.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || is_address(&self.host)
    }

    /// Whether a page on this host may embed.
    #[must_use]
    pub fn admits_site(&self, site: &Site) -> bool {
        self.prefix.is_none() && self.covers(&site.host) && self.port.is_none_or(|port| port == site.port)
    }

    /// Whether this remote source may be fetched. A source port other than 443 needs a rule that names it.
    #[must_use]
    pub fn admits_source(&self, source: &Remote) -> bool {
        let port_fits = match (self.port, source.port()) {
            (None, None) | (Some(443), None) => true,
            (Some(rule), Some(port)) => rule == port,
            _ => false,
        };
        let prefix_fits = self.prefix.as_ref().is_none_or(|prefix| {
            source.path().strip_prefix(prefix.as_str()).is_some_and(|below| below.starts_with('/'))
        });
        port_fits && prefix_fits && self.covers(source.host())
    }

    fn covers(&self, host: &str) -> bool {
        if self.subdomains {
            host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.host
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subdomains, host, port, prefix } = self;
        write!(out, "{}{host}", if *subdomains { "*." } else { "" })?;
        if let Some(port) = port {
            write!(out, ":{port}")?;
        }
        prefix.as_ref().map_or(Ok(()), |prefix| write!(out, "{prefix}/"))
    }
}

impl serde::Serialize for HostRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for HostRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The site a Referer header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    host: String,
    port: u16,
}

impl Site {
    /// Reads a Referer: one `http(s)://host[:port][/…]` without userinfo, backslash, white space or control
    /// bytes. Two headers joined by `, ` are not one.
    #[must_use]
    pub fn of_referer(referer: &str) -> Option<Self> {
        if referer.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
            return None;
        }
        let (scheme, rest) = referer.split_once("://")?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let authority = rest.split('/').next().unwrap_or(rest);
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        let is_host = check_host(&host).is_ok() || host == "localhost" || is_address(&host);
        is_host.then_some(Self { host, port: port.unwrap_or(default_port) })
    }
}

/// Splits `host[:port]`; `None` where the port is not one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_host = authority.rfind(']').unwrap_or(0);
    match authority.get(after_host..)?.find(':') {
        None => Some((authority, None)),
        Some(at) => {
            let (host, port) = authority.split_at_checked(after_host + at)?;
            let port = port.strip_prefix(':')?;
            let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
            let port = port.parse().ok().filter(|_| plain)?;
            Some((host, Some(port)))
        }
    }
}

fn is_address(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// `/a/b/` to `/a/b`; whole canonical segments only.
fn parse_prefix(text: &str) -> Result<&str, RuleError> {
    let inner = text.strip_suffix('/').filter(|inner| inner.len() > 1).ok_or(RuleError::Prefix)?;
    let segments_ok = inner.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."));
    let bytes_ok = inner.bytes().all(|b| is_plain(b) || b == b'%');
    if segments_ok && bytes_ok { Ok(inner) } else { Err(RuleError::Prefix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn admits_source(rule: &str, source: &str) -> bool {
        let Ok(Source::Remote(remote)) = Source::parse(source) else { panic!("{source}") };
        HostRule::parse(rule).unwrap().admits_source(&remote)
    }

    fn admits_site(rule: &str, referer: &str) -> bool {
        Site::of_referer(referer).is_some_and(|site| HostRule::parse(rule).unwrap().admits_site(&site))
    }

    #[test]
    fn ssrf9_a_rule_matches_whole_labels_ports_and_segments() {
        assert!(admits_source("example.com", "example.com/a"));
        assert!(!admits_source("example.com", "www.example.com/a"));
        assert!(admits_source("*.example.com", "a.b.example.com/a"));
        assert!(!admits_source("*.example.com", "example.com/a"));
        assert!(!admits_source("*.example.com", "evilexample.com/a"));
        assert!(!admits_source("example.com", "example.com.evil.net/a"));
        assert!(!admits_source("example.com", "example.com:8443/a"));
        assert!(admits_source("example.com:8443", "example.com:8443/a"));
        assert!(admits_source("s3.amazonaws.com/my-bucket/", "s3.amazonaws.com/my-bucket/a.jpg"));
        assert!(!admits_source("s3.amazonaws.com/my-bucket/", "s3.amazonaws.com/my-bucket-2/a.jpg"));
        assert!(!admits_source("s3.amazonaws.com/my-bucket/", "s3.amazonaws.com/my-bucket"));
        assert!(!admits_source("s3.amazonaws.com/my-bucket/", "s3.amazonaws.com/other/my-bucket/a.jpg"));
    }

    #[test]
    fn a_referer_is_one_plain_url_or_nothing() {
        assert!(admits_site("example.com", "https://example.com/page?x"));
        assert!(admits_site("example.com", "HTTP://EXAMPLE.com"));
        assert!(admits_site("example.com", "http://example.com:8080/"));
        assert!(admits_site("example.com:443", "https://example.com/"));
        assert!(!admits_site("example.com:443", "http://example.com/"));
        assert!(admits_site("localhost:3000", "http://localhost:3000/"));
        assert!(admits_site("127.0.0.1", "http://127.0.0.1:5173/"));
        assert!(admits_site("[::1]:80", "http://[::1]/"));
        for referer in [
            "https://user@example.com/",
            "https://example.com@evil.net/",
            "https://evil.net\\@example.com/",
            "https:\\\\example.com",
            "https://example.com/, https://evil.net/",
            "https://evil.net/?https://example.com/",
            "https://evilexample.com/",
            "https://example.com.evil.net/",
            "https://example.com?x",
            "https://example.com:0443/",
            "example.com",
            "//example.com/",
            "data:text/html,https://example.com/",
            "https://example.com\t/",
        ] {
            assert!(!admits_site("example.com", referer), "{referer}");
        }
    }

    #[test]
    fn rules_that_are_not_in_normal_form_are_refused() {
        for rule in [
            "",
            "*",
            "*.",
            "com",
            "Example.com",
            "example.com.",
            "*.*.com",
            "a.*.com",
            "example.com:0",
            "example.com/a",
            "example.com//",
            "example.com/../",
            "*.localhost",
            "*.127.0.0.1",
            "exämple.com",
            "https://example.com",
        ] {
            assert!(HostRule::parse(rule).is_err(), "{rule}");
        }
    }
}
