//! Licences: what the vendor signed, checked without asking anybody.
//!
//! A licence is `SPX1.{payload}.{signature}`, both base64url without padding: the payload is JSON
//! ([`License`] says its fields), the signature Ed25519 (RFC 8032) over the ASCII bytes `SPX1.{payload}`, checked
//! strictly, so that a licence has one spelling. Fields that are not known are ignored: newer licences open older
//! releases. Without a licence everything works on [`FREE_INSTANCES`]; no licence ever lowers that.

mod keys;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use keys::{KeyError, PublicKey, SigningKey};

/// Instances that run without a licence.
pub const FREE_INSTANCES: u32 = 3;

/// Longest licence that is looked at: far above what the vendor issues.
pub const MAX_LICENSE_BYTES: usize = 16_384;

/// How far ahead of our clock a licence may have been issued: clocks differ, time zones are mistaken.
pub const MAX_ISSUED_AHEAD_SECS: u64 = 86_400;

const FORM: &str = "SPX1.";

/// Why a licence does not count. No message holds any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LicenseError {
    /// Not the form above.
    #[error("the licence is not in the form SPX1.payload.signature: copy the whole of it")]
    Malformed,
    /// Changed, or signed by somebody else.
    #[error("the licence's signature is not the vendor's")]
    Signature,
    /// Issued more than a day ahead of our clock.
    #[error("the licence was issued in the future: check this machine's clock")]
    NotYetValid,
    /// Its end has passed.
    #[error("the licence has expired")]
    Expired,
}

impl LicenseError {
    /// The stable code, in answers and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "license_malformed",
            Self::Signature => "license_signature",
            Self::NotYetValid => "license_not_yet_valid",
            Self::Expired => "license_expired",
        }
    }
}

/// What a licence may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// A brand name of one's own.
    WhiteLabel,
}

impl Feature {
    /// The feature as licences spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WhiteLabel => "white_label",
        }
    }
}

/// A licence's payload. The fields' names are the JSON's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// The vendor's name for it.
    pub id: String,
    /// Whom it was issued to.
    pub holder: String,
    /// Unix seconds.
    pub issued_at: u64,
    /// Unix seconds; from this second on it counts for nothing.
    pub expires_at: u64,
    /// What it opens, as [`Feature`] spells it. Others are kept and open nothing.
    pub features: Vec<String>,
    /// Most instances at a time, if more than [`FREE_INSTANCES`].
    pub max_instances: u32,
}

impl License {
    /// Reads a licence and checks signature, then times. `now_secs` is Unix time.
    pub fn verify(text: &str, vendor: &PublicKey, now_secs: u64) -> Result<Self, LicenseError> {
        let license = Self::read(text, vendor)?;
        license.check_times(now_secs)?;
        Ok(license)
    }

    /// Reads a licence and checks its signature alone: what an expired one said.
    pub fn read(text: &str, vendor: &PublicKey) -> Result<Self, LicenseError> {
        if text.len() > MAX_LICENSE_BYTES {
            return Err(LicenseError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(LicenseError::Malformed)?;
        let payload = signed.strip_prefix(FORM).ok_or(LicenseError::Malformed)?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| LicenseError::Malformed);
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let signature: [u8; 64] = signature.try_into().map_err(|_| LicenseError::Malformed)?;
        // Nothing that the vendor did not sign is parsed.
        if !vendor.signed(signed.as_bytes(), &signature) {
            return Err(LicenseError::Signature);
        }
        serde_json::from_slice(&payload).map_err(|_| LicenseError::Malformed)
    }

    /// Whether it counts now: of a licence that was verified earlier, and may have expired since.
    pub const fn check_times(&self, now_secs: u64) -> Result<(), LicenseError> {
        if self.issued_at > now_secs.saturating_add(MAX_ISSUED_AHEAD_SECS) {
            Err(LicenseError::NotYetValid)
        } else if now_secs >= self.expires_at {
            Err(LicenseError::Expired)
        } else {
            Ok(())
        }
    }

    /// Whether it opens a feature.
    #[must_use]
    pub fn entitles(&self, feature: Feature) -> bool {
        self.features.iter().any(|held| held == feature.as_str())
    }
}

/// Signs a licence as its vendor.
#[must_use]
pub fn issue(key: &SigningKey, license: &License) -> String {
    // Text and numbers always have a JSON form.
    let payload = serde_json::to_vec(license).unwrap_or_default();
    let signed = format!("{FORM}{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Most instances at a time. The licence, if any, counts now.
#[must_use]
pub fn instance_limit(license: Option<&License>) -> u32 {
    license.map_or(FREE_INSTANCES, |license| license.max_instances.max(FREE_INSTANCES))
}

/// A licence's text, on its way between configuration, registry and [`License::verify`]. Never printed.
#[derive(Clone)]
pub struct LicenseText(Zeroizing<String>);

impl LicenseText {
    /// Any text; without the space around it, which copying leaves.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LicenseText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LicenseText(redacted)")
    }
}

#[cfg(test)]
mod tests;
