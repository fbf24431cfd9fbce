//! The table, and its page.

use super::Setting;
use super::value::SettingType;
use crate::license::{Feature, MAX_LICENSE_BYTES};

/// Ten years: whoever needs more has an archive.
const MAX_RETENTION_DAYS: u64 = 3_650;

const DAYS: SettingType = SettingType::Integer { min: 1, max: MAX_RETENTION_DAYS };

/// Every setting, in the order of its page.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "session.expiration",
        variable: "JWT_EXPIRATION",
        kind: SettingType::Duration { min_secs: 300, max_secs: 7_776_000 },
        default: Some("168h"),
        is_public: false,
        entitlement: None,
        doc: "how long a session lasts after signing in",
    },
    Setting {
        name: "guest.enabled",
        variable: "ALLOW_GUEST_MODE",
        kind: SettingType::Bool,
        default: Some("false"),
        is_public: true,
        entitlement: None,
        doc: "whether guests may look at the gallery without an account",
    },
    Setting {
        name: "license.key",
        variable: "LICENSE_KEY",
        kind: SettingType::Secret { max_bytes: MAX_LICENSE_BYTES },
        default: None,
        is_public: false,
        entitlement: None,
        doc: "the licence, as the vendor sent it; needed for more than three instances and for white labelling",
    },
    Setting {
        name: "audit.retention_days",
        variable: "SEALPIX_AUDIT_RETENTION_DAYS",
        kind: DAYS,
        default: Some("400"),
        is_public: false,
        entitlement: None,
        doc: "days that the audit log is kept",
    },
    Setting {
        name: "usage.retention_days",
        variable: "SEALPIX_USAGE_RETENTION_DAYS",
        kind: DAYS,
        default: Some("90"),
        is_public: false,
        entitlement: None,
        doc: "days that counts of requests by key are kept",
    },
    Setting {
        name: "request_log.retention_days",
        variable: "SEALPIX_REQUEST_LOG_RETENTION_DAYS",
        kind: DAYS,
        default: Some("7"),
        is_public: false,
        entitlement: None,
        doc: "days that single requests are kept",
    },
    Setting {
        name: "request_log.sample",
        variable: "SEALPIX_REQUEST_LOG_SAMPLE_PERCENT",
        kind: SettingType::Integer { min: 0, max: 100 },
        default: Some("1"),
        is_public: false,
        entitlement: None,
        doc: "percent of answered requests that are kept one by one",
    },
    Setting {
        name: "brand.name",
        variable: "SEALPIX_BRAND_NAME",
        kind: SettingType::Text { max_chars: 60 },
        default: Some("Sealpix"),
        is_public: true,
        entitlement: Some(Feature::WhiteLabel),
        doc: "the name that the dashboard bears; another than Sealpix takes a licence with `white_label`",
    },
];

/// The table as it stands in docs/configuration.md: a header, then a line for each setting.
#[must_use]
pub fn markdown() -> String {
    let mut table = "| setting | variable | flag | takes | default | meaning |\n|---|---|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        let Setting { name, variable, kind, doc, .. } = setting;
        let default = setting.default.map_or_else(|| "-".to_owned(), |text| format!("`{text}`"));
        let file = if setting.is_secret() { format!(" or `{variable}_FILE`") } else { String::new() };
        let row = format!("| `{name}` | `{variable}`{file} | `{}` | {kind} | {default} | {doc} |\n", setting.flag());
        table.push_str(&row);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_variables_and_flags_are_one_to_one_and_well_formed() {
        let names: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        let variables: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.variable).collect();
        let flags: BTreeSet<_> = SETTINGS.iter().map(Setting::flag).collect();
        for count in [names.len(), variables.len(), flags.len()] {
            assert_eq!(count, SETTINGS.len());
        }
        let spelled = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'));
        assert!(names.iter().all(|name| spelled(name) && name.contains('.')));
        assert!(!names.iter().any(|name| name.starts_with("vault.")), "the vault keeps its own cells there");
        let known = ["JWT_EXPIRATION", "ALLOW_GUEST_MODE", "LICENSE_KEY"];
        assert!(variables.iter().all(|name| name.starts_with("SEALPIX_") || known.contains(name)));
        assert!(flags.contains("--jwt-expiration") && flags.contains("--audit-retention-days"));
    }

    #[test]
    fn every_default_is_a_value_in_its_one_spelling() {
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                assert_eq!(setting.parse(default).unwrap().to_string(), default, "{}", setting.name);
            }
        }
    }

    #[test]
    fn no_secret_is_public_or_has_a_default() {
        let secrets: Vec<_> = SETTINGS.iter().filter(|setting| setting.is_secret()).collect();
        assert_eq!(secrets.iter().map(|setting| setting.name).collect::<Vec<_>>(), ["license.key"]);
        assert!(secrets.iter().all(|setting| !setting.is_public && setting.default.is_none()));
        let public: Vec<_> = SETTINGS.iter().filter(|setting| setting.is_public).map(|setting| setting.name).collect();
        assert_eq!(public, ["guest.enabled", "brand.name"]);
    }

    #[test]
    fn the_page_has_a_row_of_six_cells_for_each() {
        let page = markdown();
        assert_eq!(page.lines().count(), SETTINGS.len() + 2);
        assert!(page.lines().all(|line| line.matches('|').count() == 7), "{page}");
        assert!(page.contains(
            "| `session.expiration` | `JWT_EXPIRATION` | `--jwt-expiration` | a duration from 5m to 2160h, such as \
             168h or 30m | `168h` |"
        ));
        assert!(page.contains("| `LICENSE_KEY` or `LICENSE_KEY_FILE` | `--license-key-file` | a secret"));
    }
}
