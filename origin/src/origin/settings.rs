//! The settings of an open origin: read in their order, changed with their audit entry.

use serde_json::json;

use super::licensing::LICENSE_KEY;
use super::{OpenError, Origin};
use crate::registry::Change;
use crate::settings::{SETTINGS, SetBy, Setting, SettingError, SettingValue, find};

/// What an audit entry shows of a secret.
const SECRET_SHOWN: &str = "(set)";

/// A setting as it stands. Printed, a secret value is `(set)`.
#[derive(Debug, Clone)]
pub struct SettingShown {
    /// The setting.
    pub setting: &'static Setting,
    /// The value that is set, or the default; none where there is neither.
    pub value: Option<SettingValue>,
    /// Who set it.
    pub set_by: SetBy,
    /// Whether the licence allows it; if not, the default is in force.
    pub is_allowed: bool,
}

impl Origin {
    /// The value in force: of a flag, the environment, the registry, or the default; the default also where no licence
    /// allows what was set.
    pub async fn setting(&self, name: &str) -> Result<Option<SettingValue>, OpenError> {
        let setting = find(name)?;
        let (value, _) = self.resolve(setting).await?;
        if self.is_allowed(setting, value.as_ref()).await? { Ok(value) } else { Ok(setting.default_value()) }
    }

    /// Every setting as it stands, in the table's order.
    pub async fn settings(&self) -> Result<Vec<SettingShown>, OpenError> {
        let mut shown = Vec::new();
        for setting in SETTINGS {
            let (value, set_by) = self.resolve(setting).await?;
            let is_allowed = self.is_allowed(setting, value.as_ref()).await?;
            shown.push(SettingShown { setting, value, set_by, is_allowed });
        }
        Ok(shown)
    }

    /// Whether guests may look at the gallery.
    pub async fn is_guest_mode_on(&self) -> Result<bool, OpenError> {
        Ok(matches!(self.setting("guest.enabled").await?, Some(SettingValue::Bool(true))))
    }

    /// How long a session lasts, in seconds.
    pub async fn session_secs(&self) -> Result<u64, OpenError> {
        self.number("session.expiration").await
    }

    /// A setting that is a number or a duration in seconds, and has a default.
    pub(super) async fn number(&self, name: &str) -> Result<u64, OpenError> {
        match self.setting(name).await? {
            Some(SettingValue::Seconds(number) | SettingValue::Integer(number)) => Ok(number),
            _ => Err(SettingError::Unknown(name.to_owned()).into()),
        }
    }

    async fn resolve(&self, setting: &'static Setting) -> Result<(Option<SettingValue>, SetBy), OpenError> {
        let (value, cell) = self.registry.stored_setting(setting.name).await?;
        let opened = match cell {
            Some(cell) if setting.is_secret() => Some(self.data.open_text(cell.place(), &cell.sealed)?),
            _ => None,
        };
        let stored = if setting.is_secret() { opened.as_ref().map(|text| text.as_str()) } else { value.as_deref() };
        Ok(self.config.given.resolve(setting, stored)?)
    }

    /// The licence is looked up only where it counts.
    async fn is_allowed(&self, setting: &Setting, value: Option<&SettingValue>) -> Result<bool, OpenError> {
        let (Some(_), Some(value)) = (setting.entitlement, value) else { return Ok(true) };
        if setting.allowed(value, None).is_ok() {
            return Ok(true);
        }
        let license = Box::pin(self.license()).await?;
        Ok(setting.allowed(value, license.as_ref()).is_ok())
    }

    /// Sets a setting in the registry, checked and noted. Refused where a flag or a variable sets it, and where no
    /// licence allows it; a licence must count now.
    pub async fn set_setting(&self, change: &mut Change, name: &str, text: &str) -> Result<(), OpenError> {
        let setting = find(name)?;
        self.changeable(setting)?;
        let value = setting.parse(text)?;
        if !self.is_allowed(setting, Some(&value)).await? {
            setting.allowed(&value, None)?;
        }
        if setting.name == LICENSE_KEY {
            self.verify_license(&value.expose())?;
        }
        let before = self.shown_before(change, setting).await?;
        let kept = value.expose();
        if setting.is_secret() {
            let mut cell = change.next_setting_cell(name).await?;
            cell.sealed = self.data.seal(cell.place(), kept.as_bytes())?;
            change.set_setting_cell(&cell).await?;
        } else {
            if before.as_deref() == Some(kept.as_str()) {
                return Ok(());
            }
            change.set_setting(name, &kept).await?;
        }
        let after = json!({ "value": value.to_string() });
        change.note("setting.change", name, before.map(|value| json!({ "value": value })), Some(after));
        Ok(())
    }

    /// Removes a setting from the registry, so that its default is in force. Whether it was there.
    pub async fn unset_setting(&self, change: &mut Change, name: &str) -> Result<bool, OpenError> {
        let setting = find(name)?;
        self.changeable(setting)?;
        let before = self.shown_before(change, setting).await?;
        let removed = change.remove_setting(name).await?;
        if removed {
            change.note("setting.remove", name, before.map(|value| json!({ "value": value })), None);
        }
        Ok(removed)
    }

    fn changeable(&self, setting: &'static Setting) -> Result<(), SettingError> {
        self.config.given.set_by(setting).map_or(Ok(()), |set_by| setting.changeable(set_by))
    }

    /// What an audit entry shows of the registry's value.
    async fn shown_before(&self, change: &mut Change, setting: &Setting) -> Result<Option<String>, OpenError> {
        let (value, cell) = change.stored_setting(setting.name).await?;
        Ok(if setting.is_secret() { cell.map(|_| SECRET_SHOWN.to_owned()) } else { value })
    }
}
