//! Where a bucket is: `s3://bucket/prefix?region=…&endpoint=https://…&style=path`, in one spelling.
//!
//! The prefix and all parameters can be left out but one: the region, where there is no endpoint. Without an endpoint the
//! bucket is at AWS, and its name is part of the host (`style=virtual`), unless it has a dot in it, which no certificate
//! covers. With an endpoint the bucket is the first segment of the path (`style=path`), which every storage understands.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::sources::file::check_name;

/// The region of storages that have none.
const DEFAULT_REGION: &str = "us-east-1";

/// Longer names of regions are none.
const MAX_REGION_BYTES: usize = 64;

/// How long a bucket's name may be.
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

/// How a request names the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As the first segment of the path.
    Path,
    /// As the first label of the host.
    Virtual,
}

impl Style {
    fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Virtual => "virtual",
        }
    }
}

/// A bucket, and the folder of it that is the source's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Place {
    bucket: String,
    prefix: String,
    region: String,
    /// `https://host[:port]`; none of AWS.
    endpoint: Option<String>,
    style: Style,
}

/// Why a text names no bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not `s3://bucket/prefix`.
    #[error("location is not s3://bucket/prefix?region=…&endpoint=https://…&style=path|virtual")]
    Form,
    /// The bucket.
    #[error("a bucket's name has 3 to 63 of a-z 0-9 . - and begins and ends with a letter or digit")]
    Bucket,
    /// The prefix.
    #[error("the prefix has an empty segment, or one that is . or ..")]
    Prefix,
    /// The region.
    #[error("region takes a name of a-z 0-9 -, and is needed where there is no endpoint")]
    Region,
    /// The endpoint.
    #[error("endpoint takes https://host or https://host:port, and nothing behind it")]
    Endpoint,
    /// The style.
    #[error("style takes path or virtual; virtual needs an endpoint with a name and a bucket without a dot")]
    Style,
}

impl S3Place {
    /// Reads a place; printed, it is in its one spelling.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let rest = text.strip_prefix("s3://").ok_or(PlaceError::Form)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let (mut region, mut endpoint, mut style) = (None, None, None);
        for part in query.split('&').filter(|_| !query.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(PlaceError::Form)?;
            let given = match name {
                "region" => &mut region,
                "endpoint" => &mut endpoint,
                "style" => &mut style,
                _ => return Err(PlaceError::Form),
            };
            if given.replace(value).is_some() {
                return Err(PlaceError::Form);
            }
        }
        if !is_bucket(bucket) {
            return Err(PlaceError::Bucket);
        }
        if prefix.contains(char::is_control) || (!prefix.is_empty() && check_name(prefix).is_err()) {
            return Err(PlaceError::Prefix);
        }
        let endpoint = endpoint.map(read_endpoint).transpose()?;
        let region = region.or(endpoint.is_some().then_some(DEFAULT_REGION)).unwrap_or_default();
        let place = Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            region: region.to_owned(),
            style: default_style(bucket, endpoint.is_some()),
            endpoint,
        };
        let in_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > MAX_REGION_BYTES || !region.bytes().all(in_region) {
            return Err(PlaceError::Region);
        }
        match style {
            None => Ok(place),
            Some("path") => Ok(Self { style: Style::Path, ..place }),
            Some("virtual") if place.address().is_none() && !bucket.contains('.') => {
                Ok(Self { style: Style::Virtual, ..place })
            }
            Some(_) => Err(PlaceError::Style),
        }
    }

    /// The bucket's name.
    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The region that requests are signed for.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Whether the bucket is part of the host.
    pub(super) fn is_virtual(&self) -> bool {
        self.style == Style::Virtual
    }

    /// What the storage's client takes for an endpoint: with the bucket in it where it is part of the host.
    pub(super) fn endpoint(&self) -> String {
        let endpoint = self.storage();
        match self.style {
            Style::Path => endpoint,
            Style::Virtual => endpoint.replacen("https://", &format!("https://{}.", self.bucket), 1),
        }
    }

    /// The key of a name below the source's root.
    pub(super) fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    /// The host that is asked, with its port.
    #[must_use]
    pub fn authority(&self) -> String {
        self.endpoint().trim_start_matches("https://").to_owned()
    }

    /// The endpoint's address, where it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match Url::parse(self.endpoint.as_deref()?).ok()?.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// Whether credentials for `other` are meant for this place too: the same bucket of the same storage.
    #[must_use]
    pub fn shares_credentials_with(&self, other: &Self) -> bool {
        (&self.bucket, self.storage()) == (&other.bucket, other.storage())
    }

    fn storage(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", self.region))
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(out, "/{}", self.prefix)?;
        }
        write!(out, "?region={}", self.region)?;
        if let Some(endpoint) = &self.endpoint {
            write!(out, "&endpoint={endpoint}")?;
        }
        if self.style != default_style(&self.bucket, self.endpoint.is_some()) {
            write!(out, "&style={}", self.style.as_str())?;
        }
        Ok(())
    }
}

fn default_style(bucket: &str, has_endpoint: bool) -> Style {
    if has_endpoint || bucket.contains('.') { Style::Path } else { Style::Virtual }
}

fn is_bucket(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    BUCKET_BYTES.contains(&name.len())
        && name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'-'))
        && ends.into_iter().flatten().all(is_plain)
        && !name.contains("..")
}

/// `https://host[:port]`, where parsing and printing it gives the same bytes.
fn read_endpoint(text: &str) -> Result<String, PlaceError> {
    let url = Url::parse(text).map_err(|_| PlaceError::Endpoint)?;
    let origin = format!("{}/", text.strip_suffix('/').unwrap_or(text));
    let is_one = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    if is_one && url.path() == "/" && url.as_str() == origin {
        Ok(origin.trim_end_matches('/').to_owned())
    } else {
        Err(PlaceError::Endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_spelling_and_one_host() {
        for (text, printed, endpoint) in [
            ("s3://photos?region=eu-west-1", "", "https://photos.s3.eu-west-1.amazonaws.com"),
            ("s3://photos/a/b/?region=eu-west-1&style=virtual", "s3://photos/a/b?region=eu-west-1", ""),
            ("s3://my.photos?region=eu-west-1", "", "https://s3.eu-west-1.amazonaws.com"),
            ("s3://photos?region=eu-west-1&style=path", "", "https://s3.eu-west-1.amazonaws.com"),
            (
                "s3://photos/?endpoint=https://s3.example:9000/",
                "s3://photos?region=us-east-1&endpoint=https://s3.example:9000",
                "",
            ),
            ("s3://photos?region=x&endpoint=https://s3.example&style=virtual", "", "https://photos.s3.example"),
            ("s3://photos?region=x&endpoint=https://127.0.0.1:9000", "", "https://127.0.0.1:9000"),
            ("s3://photos?region=x&endpoint=https://[::1]:9000", "", "https://[::1]:9000"),
        ] {
            let place = S3Place::parse(text).unwrap();
            assert_eq!(place.to_string(), if printed.is_empty() { text } else { printed });
            assert_eq!(S3Place::parse(&place.to_string()).as_ref(), Ok(&place), "{text}");
            assert!(endpoint.is_empty() || place.endpoint() == endpoint, "{text}: {}", place.endpoint());
        }
        assert_eq!(S3Place::parse("s3://photos/a?region=x").unwrap().key("b/c.jpg"), "a/b/c.jpg");
        let literal = S3Place::parse("s3://photos?endpoint=https://[::ffff:169.254.169.254]").err();
        assert_eq!(literal, Some(PlaceError::Endpoint), "another spelling of an address");
    }

    #[test]
    fn what_is_no_place_says_why() {
        for (text, error) in [
            ("https://photos", PlaceError::Form),
            ("s3:photos", PlaceError::Form),
            ("s3://photos?region", PlaceError::Form),
            ("s3://photos?region=x&region=x", PlaceError::Form),
            ("s3://photos?region=x&secret=y", PlaceError::Form),
            ("s3://?region=x", PlaceError::Bucket),
            ("s3://Photos?region=x", PlaceError::Bucket),
            ("s3://ph?region=x", PlaceError::Bucket),
            ("s3://-photos?region=x", PlaceError::Bucket),
            ("s3://pho..tos?region=x", PlaceError::Bucket),
            ("s3://photos@evil.test?region=x", PlaceError::Bucket),
            ("s3://photos/a//b?region=x", PlaceError::Prefix),
            ("s3://photos/../b?region=x", PlaceError::Prefix),
            ("s3://photos/a\nb?region=x", PlaceError::Prefix),
            ("s3://photos", PlaceError::Region),
            ("s3://photos?region=", PlaceError::Region),
            ("s3://photos?region=x.evil.test/", PlaceError::Region),
            ("s3://photos?endpoint=http://s3.example", PlaceError::Endpoint),
            ("s3://photos?endpoint=https://S3.example", PlaceError::Endpoint),
            ("s3://photos?endpoint=https://user@s3.example", PlaceError::Endpoint),
            ("s3://photos?endpoint=https://s3.example/path", PlaceError::Endpoint),
            ("s3://photos?endpoint=https://s3.example:443", PlaceError::Endpoint),
            ("s3://photos?endpoint=https://2130706433", PlaceError::Endpoint),
            ("s3://photos?endpoint=https://s3.example#x", PlaceError::Endpoint),
            ("s3://photos?endpoint=", PlaceError::Endpoint),
            ("s3://photos?region=x&style=other", PlaceError::Style),
            ("s3://my.photos?region=x&style=virtual", PlaceError::Style),
            ("s3://photos?endpoint=https://127.0.0.1&style=virtual", PlaceError::Style),
        ] {
            assert_eq!(S3Place::parse(text), Err(error), "{text}");
        }
    }
}
