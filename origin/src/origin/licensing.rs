//! The licence in force: the setting `license.key`, verified with the vendor's public key.

use super::{OpenError, Origin};
use crate::license::{License, LicenseError, PublicKey};
use crate::settings::SettingValue;

/// The setting.
pub(super) const LICENSE_KEY: &str = "license.key";

/// How it stands with the licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseState {
    /// None is set: everything works on the free instances.
    None,
    /// One is set, and there is no public key to verify it with.
    NoPublicKey,
    /// It counts.
    Valid(License),
    /// The vendor signed it, and its time is over, or has not come: it counts for nothing.
    OutOfTime(License, LicenseError),
    /// It is none of the vendor's.
    Invalid(LicenseError),
}

impl LicenseState {
    /// The stable code: `none`, `no_public_key`, `valid`, or a [`LicenseError::code`].
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoPublicKey => "no_public_key",
            Self::Valid(_) => "valid",
            Self::OutOfTime(_, error) | Self::Invalid(error) => error.code(),
        }
    }

    /// The licence as far as the vendor signed it, whether it counts or not.
    #[must_use]
    pub const fn license(&self) -> Option<&License> {
        match self {
            Self::Valid(license) | Self::OutOfTime(license, _) => Some(license),
            Self::None | Self::NoPublicKey | Self::Invalid(_) => None,
        }
    }
}

/// The public key that the build was made with.
fn built_in() -> Option<PublicKey> {
    option_env!("SEALPIX_LICENSE_PUBLIC_KEY").and_then(|text| PublicKey::parse(text).ok())
}

impl Origin {
    /// What licences are verified with: the configuration's public key, else the build's.
    #[must_use]
    pub fn license_public_key(&self) -> Option<PublicKey> {
        self.config.license_public_key.or_else(built_in)
    }

    /// How it stands with the licence.
    pub async fn license_state(&self) -> Result<LicenseState, OpenError> {
        let Some(SettingValue::Secret(text)) = self.setting(LICENSE_KEY).await? else { return Ok(LicenseState::None) };
        let Some(vendor) = self.license_public_key() else { return Ok(LicenseState::NoPublicKey) };
        Ok(match License::read(&text, &vendor) {
            Err(error) => LicenseState::Invalid(error),
            Ok(license) => match license.check_times(self.clock.secs()) {
                Ok(()) => LicenseState::Valid(license),
                Err(error) => LicenseState::OutOfTime(license, error),
            },
        })
    }

    /// The licence, if one counts now.
    pub async fn license(&self) -> Result<Option<License>, OpenError> {
        match self.license_state().await? {
            LicenseState::Valid(license) => Ok(Some(license)),
            _ => Ok(None),
        }
    }

    /// A licence that may be stored: it counts now.
    pub(super) fn verify_license(&self, text: &str) -> Result<License, OpenError> {
        let vendor = self.license_public_key().ok_or(OpenError::NoLicenseKey)?;
        Ok(License::verify(text, &vendor, self.clock.secs())?)
    }
}
