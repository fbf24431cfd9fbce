//! `PUT /settings/{name}` and `DELETE /settings/{name}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::list::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, Input, secret_text};
use crate::admin::responses::{Bodied, Conflicting, Guarded, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::settings::find;

/// A setting's new value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewValue {
    /// As its variable takes it: `168h`, `true`, `30`.
    #[serde(deserialize_with = "secret_text")]
    #[schema(value_type = String, example = "168h", max_length = 16384)]
    value: Zeroizing<String>,
}

/// The licence is a setting, and takes its own permission.
fn require(caller: &Caller, name: &str) -> Result<(), Problem> {
    caller.require(Permission::SettingsWrite)?;
    if find(name).is_ok_and(|setting| setting.is_secret()) {
        caller.require(Permission::LicenseWrite)?;
    }
    Ok(())
}

/// Sets a setting. Refused with 409 `setting_fixed` where a flag or a variable sets it, and with 409
/// `setting_not_entitled` where no licence allows the value.
#[utoipa::path(
    put, path = "/settings/{name}", tag = "settings", request_body = NewValue,
    params(("name" = String, Path, description = "The setting's name", example = "session.expiration")),
    security(("bearer" = ["settings:write"]), ("cookie" = [])),
    responses(
        (status = 200, description = "the setting as it stands now", body = Shown),
        Bodied, Guarded, Named, Conflicting
    ),
)]
pub(super) async fn set(
    State(admin): State<Shared>,
    caller: Caller,
    Input(name): Input<String>,
    Body(new): Body<NewValue>,
) -> Answer<Json<Shown>> {
    require(&caller, &name)?;
    let origin = &admin.origin;
    let mut change = origin.change(&caller.author()).await?;
    origin.set_setting(&mut change, &name, &new.value).await?;
    change.commit().await?;
    let shown = origin.settings().await?.into_iter().find(|shown| shown.setting.name == name);
    shown.map(|shown| Json(Shown::from(shown))).ok_or_else(|| Problem::missing("such setting"))
}

/// Removes what was set here, so that the default is in force.
#[utoipa::path(
    delete, path = "/settings/{name}", tag = "settings",
    params(("name" = String, Path, description = "The setting's name", example = "session.expiration")),
    security(("bearer" = ["settings:write"]), ("cookie" = [])),
    responses((status = 204, description = "the default is in force"), Guarded, Named, Conflicting),
)]
pub(super) async fn unset(
    State(admin): State<Shared>,
    caller: Caller,
    Input(name): Input<String>,
) -> Answer<StatusCode> {
    require(&caller, &name)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    admin.origin.unset_setting(&mut change, &name).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
