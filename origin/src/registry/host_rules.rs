//! Host rules as people write them, made normal or refused with an error that names the rule.
//!
//! The public suffix list is consulted here, when a rule is saved; the gate only matches the normal form.

use sealpix::domain::HostRule;
use sealpix::record::Environment;

/// Why a rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostRuleError {
    /// Not a rule.
    #[error("the rule {0:?} is not a host, *.host, host:port or host/path/")]
    Form(String),
    /// `com`, `*.co.uk`.
    #[error("the rule {0:?} is a public suffix: it would admit everybody's hosts")]
    PublicSuffix(String),
    /// `*.github.io`, `s3.amazonaws.com` without a path.
    #[error("the rule {0:?} is a suffix under which anybody can register: name a host below it, or a path on it")]
    PrivateSuffix(String),
    /// An address or `localhost` where none may stand.
    #[error("the rule {0:?} is an address: only referer rules of development projects may name localhost or loopback")]
    Address(String),
    /// A path in a referer rule.
    #[error("the rule {0:?} has a path: browsers send the site only")]
    Path(String),
}

/// A source rule in normal form.
pub fn normalise_source(text: &str) -> Result<HostRule, HostRuleError> {
    let rule = normalise(text)?;
    if rule.is_local() { Err(HostRuleError::Address(text.to_owned())) } else { Ok(rule) }
}

/// A referer rule in normal form.
pub fn normalise_referer(text: &str, environment: Environment) -> Result<HostRule, HostRuleError> {
    let rule = normalise(text)?;
    if rule.has_prefix() {
        return Err(HostRuleError::Path(text.to_owned()));
    }
    if rule.is_local() && !(environment == Environment::Development && is_loopback(rule.host())) {
        return Err(HostRuleError::Address(text.to_owned()));
    }
    Ok(rule)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn normalise(text: &str) -> Result<HostRule, HostRuleError> {
    let form = || HostRuleError::Form(text.to_owned());
    let written = text.trim();
    let (authority, path) = written.find('/').map_or((written, ""), |at| written.split_at(at));
    let (wildcard, authority) = authority.strip_prefix("*.").map_or(("", authority), |rest| ("*.", rest));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && (host.ends_with(']') || !host.contains(':')) => {
            (host, Some(port))
        }
        _ => (authority, None),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let host = if host.starts_with('[') {
        host.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_strict(host).map_err(|_| form())?
    };
    let mut normal = format!("{wildcard}{host}");
    if let Some(port) = port {
        normal.push_str(&format!(":{port}"));
    }
    if !matches!(path, "" | "/") {
        // What is in normal form already stays as it is.
        let is_normal = sealpix::encoding::unescape(path).is_ok();
        normal.push_str(&if is_normal { path.into() } else { sealpix::encoding::escape(path) });
        if !path.ends_with('/') {
            normal.push('/');
        }
    }
    let rule = HostRule::parse(&normal).map_err(|_| form())?;
    if !rule.is_local() {
        refuse_suffix(text, &rule)?;
    }
    Ok(rule)
}

fn refuse_suffix(text: &str, rule: &HostRule) -> Result<(), HostRuleError> {
    let Some(suffix) = psl::suffix(rule.host().as_bytes()) else {
        return Ok(());
    };
    if suffix.as_bytes() != rule.host().as_bytes() {
        return Ok(());
    }
    // An unlisted last label, as of an intranet, is taken for a suffix by default: treat it as a listed one.
    if suffix.typ() != Some(psl::Type::Private) {
        return Err(HostRuleError::PublicSuffix(text.to_owned()));
    }
    if rule.is_wildcard() || !rule.has_prefix() {
        return Err(HostRuleError::PrivateSuffix(text.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_stored_in_one_form() {
        for (written, normal) in [
            ("Example.COM.", "example.com"),
            ("*.Bücher.example", "*.xn--bcher-kva.example"),
            ("cdn.example.com:8443", "cdn.example.com:8443"),
            ("s3.amazonaws.com/my-bucket", "s3.amazonaws.com/my-bucket/"),
            ("example.com/a b/", "example.com/a%20b/"),
            ("example.com/100%/", "example.com/100%25/"),
            ("example.com/", "example.com"),
        ] {
            assert_eq!(normalise_source(written).unwrap().to_string(), normal);
            assert_eq!(normalise_source(normal).unwrap().to_string(), normal, "twice");
        }
    }

    #[test]
    fn ssrf9_suffixes_and_addresses_are_refused_by_name() {
        for rule in ["com", "*.com", "co.uk", "*.co.uk"] {
            assert!(normalise_source(rule).is_err(), "{rule}");
        }
        assert!(matches!(normalise_source("*.co.uk"), Err(HostRuleError::PublicSuffix(_))));
        for rule in ["s3.amazonaws.com", "*.s3.amazonaws.com", "github.io", "*.github.io"] {
            assert!(matches!(normalise_source(rule), Err(HostRuleError::PrivateSuffix(_))), "{rule}");
        }
        assert!(normalise_source("me.github.io").is_ok());
        for rule in ["localhost", "127.0.0.1", "[::1]", "10.0.0.1"] {
            assert!(normalise_source(rule).is_err(), "{rule}");
        }
        for rule in ["", "*", "a_b.com", "https://example.com", "user@example.com", "exa mple.com"] {
            assert!(normalise_source(rule).is_err(), "{rule}");
        }
    }

    #[test]
    fn only_development_referers_may_be_loopback() {
        use Environment::{Development, Production};
        for rule in ["localhost", "localhost:3000", "127.0.0.1:5173", "[::1]:3000"] {
            assert!(normalise_referer(rule, Development).is_ok(), "{rule}");
            assert!(normalise_referer(rule, Production).is_err(), "{rule}");
        }
        assert!(normalise_referer("10.0.0.1", Development).is_err());
        assert!(normalise_referer("example.com/path/", Production).is_err());
    }
}
