//! `PUT /license` and `DELETE /license`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::SETTING;
use super::show::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, secret_text};
use crate::admin::responses::{Bodied, Conflicting, Guarded};
use crate::admin::{Answer, Shared};

/// A licence.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLicense {
    /// Its text, as the vendor sent it.
    #[serde(deserialize_with = "secret_text")]
    #[schema(value_type = String, format = Password, write_only, max_length = 16384)]
    license: Zeroizing<String>,
}

/// Activates a licence. It is verified before it is stored: one that does not count is refused with 400 and why.
#[utoipa::path(
    put, path = "/license", tag = "license", request_body = NewLicense,
    security(("bearer" = ["license:write"]), ("cookie" = [])),
    responses(
        (status = 200, description = "the licence, which counts from now on", body = Shown),
        Bodied, Guarded, Conflicting
    ),
)]
pub(super) async fn activate(
    State(admin): State<Shared>,
    caller: Caller,
    Body(new): Body<NewLicense>,
) -> Answer<Json<Shown>> {
    caller.require(Permission::LicenseWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    admin.origin.set_setting(&mut change, SETTING, &new.license).await?;
    change.commit().await?;
    Shown::now(&admin).await.map(Json)
}

/// Removes the licence.
#[utoipa::path(
    delete, path = "/license", tag = "license", security(("bearer" = ["license:write"]), ("cookie" = [])),
    responses((status = 204, description = "there is no licence"), Guarded, Conflicting),
)]
pub(super) async fn remove(State(admin): State<Shared>, caller: Caller) -> Answer<StatusCode> {
    caller.require(Permission::LicenseWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    admin.origin.unset_setting(&mut change, SETTING).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
