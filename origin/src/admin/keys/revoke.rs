//! `POST /keys/{public_key}/revoke`.

use axum::Json;
use axum::extract::State;
use sealpix::key::PublicKey;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Shared};
use crate::registry::RecordName;

/// Revokes a key, for good; once more changes nothing. The answer waits up to 5 seconds for the edge.
#[utoipa::path(
    post, path = "/keys/{public_key}/revoke", tag = "keys", security(("bearer" = ["keys:write"]), ("cookie" = [])),
    params(("public_key" = String, Path, description = "the public key, pk_…")),
    responses((status = 200, description = "the key, revoked", body = Changed<Shown>), Named, Guarded),
)]
pub(super) async fn revoke(
    State(admin): State<Shared>,
    caller: Caller,
    Input(key): Input<PublicKey>,
) -> Answer<Json<Changed<Shown>>> {
    caller.require(Permission::KeysWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    change.revoke_key(key).await?;
    let now = change.key(key).await?;
    change.commit().await?;
    let edge = admin.told(&[RecordName::Key(key)]).await;
    let now = admin.shown(now, caller.now()).await?;
    Ok(Json(Changed { now, edge }))
}
