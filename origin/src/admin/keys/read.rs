//! `GET /keys/{public_key}`.

use axum::Json;
use axum::extract::State;
use sealpix::key::PublicKey;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Admin, Answer, Problem, Shared};
use crate::registry::Key;

/// Shows a key; never its secret.
#[utoipa::path(
    get, path = "/keys/{public_key}", tag = "keys", security(("bearer" = ["keys:read"]), ("cookie" = [])),
    params(("public_key" = String, Path, description = "the public key, pk_…")),
    responses((status = 200, description = "the key", body = Shown), Named, Guarded),
)]
pub(super) async fn read(
    State(admin): State<Shared>,
    caller: Caller,
    Input(key): Input<PublicKey>,
) -> Answer<Json<Shown>> {
    caller.require(Permission::KeysRead)?;
    let key = admin.origin.registry.key(key).await?.ok_or_else(|| Problem::missing(format!("key {key}")))?;
    admin.shown(key, caller.now()).await.map(Json)
}

impl Admin {
    /// A key with its usage.
    pub(super) async fn shown(&self, key: Key, now_millis: u64) -> Answer<Shown> {
        let usage = self.origin.registry.key_usage(&[key.public_key], now_millis).await?;
        let usage = usage.get(&key.public_key).copied().unwrap_or_default();
        Ok(Shown::of(key, usage))
    }
}
