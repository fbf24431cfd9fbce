//! The image asked for: `host[:port]/path[?query]`, fetched by https, or `@name/text` of a configured source.
//!
//! A [`Source`] is made from the source text, the source part of a target decoded once. It keeps that text,
//! so printing gives the same bytes back, and knows the one upstream URL that the text means: what is
//! verified is what is fetched (SIG-2, SSRF-7).

use std::fmt;

use crate::encoding::{is_plain, push_escaped, unescape_loosely};
use crate::operations::Name;

/// Why a text names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No path after the host or the source's name.
    #[error("the source has no path after its host or name")]
    NoPath,
    /// The host is not lower-case labels of letters, digits and inner hyphens, at least two.
    #[error("the source's host is not two or more lower-case labels of letters, digits and inner hyphens")]
    Host,
    /// The host ends like an IP address.
    #[error("the source's host is an IP address")]
    Address,
    /// The port is not 1 to 65535, or is written with zeros, or is the default.
    #[error("the source's port is not 1 to 65535 without leading zeros, or it is 443, which is not written")]
    Port,
    /// The name after `@`.
    #[error("a source's name is 1 to 32 of a-z 0-9 -")]
    Name,
    /// `//`, `.` or `..`.
    #[error("the source has an empty, . or .. segment")]
    Segment,
    /// A path that would mean something else if it were decoded twice.
    #[error("the source's path holds a dot segment, a slash or a backslash behind a second encoding")]
    DoubleEncoded,
    /// Only when reading what a person wrote.
    #[error("the source cannot be expressed: {0}")]
    Inexpressible(&'static str),
}

/// The image asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// An https URL on a public host.
    Remote(Remote),
    /// A name in a configured source.
    Named {
        /// The configured source.
        name: Name,
        /// The picture's name in it, byte for byte.
        text: String,
    },
}

/// A remote source's parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    /// The decoded source text, as signed.
    text: String,
    host_length: usize,
    port: Option<u16>,
    /// The upstream URL's path, rebuilt: each byte outside the plain set escaped.
    path: String,
    /// The upstream URL's query as written, illegal bytes escaped.
    query: Option<String>,
}

impl Remote {
    /// The host, lower case.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(..self.host_length).unwrap_or_default()
    }

    /// The port where it is not 443.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The upstream path, with its leading `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The one URL that is fetched.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.authority_path_query())
    }

    /// The upstream URL without its scheme.
    #[must_use]
    pub fn authority_path_query(&self) -> String {
        let mut out = self.host().to_owned();
        if let Some(port) = self.port {
            out.push_str(&format!(":{port}"));
        }
        out.push_str(&self.path);
        if let Some(query) = &self.query {
            out.push('?');
            out.push_str(query);
        }
        out
    }
}

impl Source {
    /// The source that a source text means; the text of a target, decoded once.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let (head, rest) = text.split_once('/').ok_or(SourceError::NoPath)?;
        if rest.is_empty() {
            return Err(SourceError::NoPath);
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(SourceError::Segment);
        }
        match head.strip_prefix('@') {
            Some(name) => {
                let name = Name::new(name).ok_or(SourceError::Name)?;
                Ok(Self::Named { name, text: rest.to_owned() })
            }
            None => Remote::parse(text, head, rest).map(Self::Remote),
        }
    }

    /// Reads SOURCE as a person gives it to a signer: a named source literally, a remote one as a browser
    /// would, with valid escapes of its path decoded once and its query kept as written.
    pub fn read(text: &str) -> Result<Self, SourceError> {
        if text.chars().any(char::is_control) {
            return Err(SourceError::Inexpressible("control characters"));
        }
        if text.starts_with('@') {
            return Self::parse(text);
        }
        let scheme = text.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let text = scheme.and_then(|scheme| text.get(scheme.len()..)).unwrap_or(text);
        if text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains('/')) {
            return Err(SourceError::Inexpressible("only https sources are fetched"));
        }
        if text.contains('#') {
            return Err(SourceError::Inexpressible("a fragment"));
        }
        let (head, rest) = text.split_once('/').ok_or(SourceError::NoPath)?;
        if head.contains('@') {
            return Err(SourceError::Inexpressible("a user name or password"));
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let lower = path.to_ascii_lowercase();
        if path.contains('\\') || lower.contains("%2f") || lower.contains("%5c") {
            return Err(SourceError::Inexpressible("an escaped slash or a backslash in the path"));
        }
        if lower.contains("%3f") {
            return Err(SourceError::Inexpressible("an escaped question mark in the path"));
        }
        let path = String::from_utf8(unescape_loosely(path))
            .map_err(|_| SourceError::Inexpressible("a path that is not UTF-8"))?;
        if path.chars().any(char::is_control) {
            return Err(SourceError::Inexpressible("control characters"));
        }
        let mut whole = format!("{}/{path}", head.to_ascii_lowercase());
        if let Some(query) = query {
            whole.push('?');
            whole.push_str(query);
        }
        Self::parse(&whole)
    }
}

impl Remote {
    fn parse(text: &str, authority: &str, rest: &str) -> Result<Self, SourceError> {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(parse_port(port)?)),
            None => (authority, None),
        };
        check_host(host)?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if path.split('/').any(is_ambiguous) {
            return Err(SourceError::DoubleEncoded);
        }
        let mut upstream = String::with_capacity(path.len() + 8);
        upstream.push('/');
        for byte in path.bytes() {
            push_escaped(&mut upstream, byte, is_plain(byte));
        }
        Ok(Self {
            text: text.to_owned(),
            host_length: host.len(),
            port,
            path: upstream,
            query: query.map(upstream_query),
        })
    }
}

impl fmt::Display for Source {
    /// The source text, not encoded.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(remote) => out.write_str(&remote.text),
            Self::Named { name, text } => write!(out, "@{name}/{text}"),
        }
    }
}

/// A host is at least two LDH labels, the last not a number: what a URL parser would take as an IPv4 address
/// (WHATWG URL, "ends in a number") cannot be written.
pub(crate) fn check_host(host: &str) -> Result<(), SourceError> {
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let (_, last) = host.rsplit_once('.').ok_or(SourceError::Host)?;
    if host.len() > 253 || !host.split('.').all(label_ok) {
        return Err(SourceError::Host);
    }
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return Err(SourceError::Address);
    }
    Ok(())
}

fn parse_port(text: &str) -> Result<u16, SourceError> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let port = text.parse().ok().filter(|_| plain);
    port.filter(|port| *port != 443).ok_or(SourceError::Port)
}

/// A segment that a server which decodes twice would take for another path.
fn is_ambiguous(segment: &str) -> bool {
    let again = unescape_loosely(segment);
    matches!(again.as_slice(), b"." | b"..") || again.iter().any(|byte| matches!(byte, b'/' | b'\\'))
}

/// The query as written; bytes that a URL parser would change are escaped (RFC 3986 section 3.4; `'` because
/// WHATWG escapes it in the queries of https URLs).
fn upstream_query(query: &str) -> String {
    let bytes = query.as_bytes();
    let mut out = String::with_capacity(query.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let is_escape = || bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let legal = match byte {
            b'%' => is_escape(),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
            | b'@' | b'/' | b'?' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        push_escaped(&mut out, byte, legal);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> String {
        match Source::parse(text).unwrap() {
            Source::Remote(remote) => remote.url(),
            Source::Named { .. } => panic!("named"),
        }
    }

    #[test]
    fn a_remote_text_means_one_upstream_url() {
        for (text, url) in [
            ("cdn.example.com/photo.jpg", "https://cdn.example.com/photo.jpg"),
            ("cdn.example.com/a b/ü.png?v=2&x='1'", "https://cdn.example.com/a%20b/%C3%BC.png?v=2&x=%271%27"),
            ("cdn.example.com:8443/100%.jpg", "https://cdn.example.com:8443/100%25.jpg"),
            ("cdn.example.com/a#b?c#d", "https://cdn.example.com/a%23b?c%23d"),
            ("cdn.example.com/a?u=http%3A%2F%2Fx&p=5%", "https://cdn.example.com/a?u=http%3A%2F%2Fx&p=5%25"),
        ] {
            assert_eq!(upstream(text), url);
            assert_eq!(url::Url::parse(url).unwrap().as_str(), url, "a URL parser changes it");
            assert_eq!(Source::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn ssrf2_ssrf7_path1_path3_hosts_and_paths_that_two_parsers_could_read_apart_are_refused() {
        use SourceError::*;
        for (text, error) in [
            ("cdn.example.com", NoPath),
            ("cdn.example.com/", NoPath),
            ("cdn.example.com/a/.?a=1", DoubleEncoded),
            ("localhost/a", Host),
            ("localhost./a", Host),
            ("example.com./a", Host),
            ("Example.com/a", Host),
            ("-a.com/a", Host),
            ("a_b.com/a", Host),
            ("user@cdn.example.com/a", Host),
            ("127.0.0.1/a", Address),
            ("1.2.3.0x7f/a", Address),
            ("2130706433/a", Host),
            ("[::1]/a", Port),
            ("cdn.example.com:443/a", Port),
            ("cdn.example.com:0/a", Port),
            ("cdn.example.com:080/a", Port),
            ("cdn.example.com:65536/a", Port),
            ("cdn.example.com:/a", Port),
            ("cdn.example.com/a//b", Segment),
            ("cdn.example.com/../b", Segment),
            ("cdn.example.com/a/", Segment),
            ("cdn.example.com/%2e%2E/b", DoubleEncoded),
            ("cdn.example.com/a%2fb", DoubleEncoded),
            ("cdn.example.com/a\\b", DoubleEncoded),
            ("cdn.example.com/a%5cb", DoubleEncoded),
            ("@/a", Name),
            ("@Gallery/a", Name),
            ("@gallery", NoPath),
            ("@gallery/../a", Segment),
        ] {
            assert_eq!(Source::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_named_text_is_literal() {
        let source = Source::parse("@gallery/a%2Fb c?d.jpg").unwrap();
        let Source::Named { name, text } = &source else { panic!("remote") };
        assert_eq!((name.as_str(), text.as_str()), ("gallery", "a%2Fb c?d.jpg"));
    }

    #[test]
    fn sign_reads_a_remote_source_as_a_browser_would() {
        for (written, text) in [
            ("HTTPS://CDN.example.com/a%20b/%C3%BC.png?v=%20", "cdn.example.com/a b/ü.png?v=%20"),
            ("cdn.example.com/50%off.jpg", "cdn.example.com/50%off.jpg"),
            ("cdn.example.com/a b.jpg", "cdn.example.com/a b.jpg"),
        ] {
            assert_eq!(Source::read(written).unwrap().to_string(), text);
        }
        for written in [
            "http://cdn.example.com/a",
            "cdn.example.com/a%2Fb",
            "cdn.example.com/a%5Cb",
            "cdn.example.com/a\\b",
            "cdn.example.com/%2e%2e/b",
            "cdn.example.com/a%3Fb",
            "u:p@cdn.example.com/a",
            "cdn.example.com/a#b",
            "cdn.example.com/%FF",
            "cdn.example.com/a\nb",
        ] {
            assert!(Source::read(written).is_err(), "{written}");
        }
    }
}
