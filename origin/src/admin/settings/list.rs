//! `GET /settings`, and what is shown of a setting: never a secret value.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};
use crate::origin::SettingShown;
use crate::settings::{SetBy, SettingType};

/// A setting as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub(super) struct Shown {
    /// Its name here.
    #[schema(example = "session.expiration")]
    pub(super) name: &'static str,
    /// The value that is set, or the default; `(set)` of a secret; nothing where there is neither.
    value: Option<String>,
    /// Who set it: `flag`, `environment`, `registry` or `default`.
    set_by: &'static str,
    /// The default, if there is one.
    default: Option<&'static str>,
    /// `duration`, `bool`, `integer`, `text` or `secret`.
    kind: &'static str,
    /// What it takes, for a person.
    takes: String,
    /// What it is for.
    doc: &'static str,
    /// The variable that sets it from outside.
    variable: &'static str,
    /// The flag that does.
    flag: String,
    /// Shown to anybody.
    is_public: bool,
    /// Whether it may be changed here: not where a flag or a variable sets it.
    is_changeable: bool,
    /// Whether the licence allows the value; if not, the default is in force.
    is_allowed: bool,
}

impl From<SettingShown> for Shown {
    fn from(shown: SettingShown) -> Self {
        let SettingShown { setting, value, set_by, is_allowed } = shown;
        Self {
            name: setting.name,
            value: value.map(|value| value.to_string()),
            set_by: set_by.as_str(),
            default: setting.default,
            kind: match setting.kind {
                SettingType::Duration { .. } => "duration",
                SettingType::Bool => "bool",
                SettingType::Integer { .. } => "integer",
                SettingType::Text { .. } => "text",
                SettingType::Secret { .. } => "secret",
            },
            takes: setting.kind.to_string(),
            doc: setting.doc,
            variable: setting.variable,
            flag: setting.flag(),
            is_public: setting.is_public,
            is_changeable: matches!(set_by, SetBy::Registry | SetBy::Default),
            is_allowed,
        }
    }
}

/// Lists every setting, with its value and who set it.
#[utoipa::path(
    get, path = "/settings", tag = "settings", params(PageQuery), security(("bearer" = ["settings:read"]), ("cookie" = [])),
    responses((status = 200, description = "a page of settings", body = Page<Shown>), Asking, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::SettingsRead)?;
    let settings = admin.origin.settings().await?;
    page.of(settings.into_iter().map(Shown::from).collect(), |setting: &Shown| setting.name.to_owned()).map(Json)
}
