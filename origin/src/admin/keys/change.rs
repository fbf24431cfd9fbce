//! `PATCH /keys/{public_key}`.

use axum::Json as Answered;
use axum::extract::State;
use sealpix::key::PublicKey;
use serde::Deserialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::shape::{LAST_SECOND, Limits, Policy, Shown, check_name};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::input::{Body, Input, merged};
use crate::admin::responses::{Bodied, Guarded, Judged, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::{Key, RecordName, check_policy};

/// What is to change of a key; what is not said stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = KeyChanges)]
pub(super) struct Changes {
    /// What to call it.
    #[schema(max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    name: Option<String>,
    /// Its last second, in unix seconds: not after the one it has.
    #[schema(maximum = 253_402_300_799_u64)]
    not_after: Option<u64>,
    /// Requests that it may make.
    #[schema(value_type = Option<Limits>)]
    limits: Option<Json>,
    /// What it may sign.
    #[schema(value_type = Option<Policy>)]
    policy: Option<Json>,
}

impl Changes {
    /// `key` with these changes, checked.
    fn made(self, mut key: Key) -> Result<Key, Problem> {
        if let Some(name) = self.name {
            check_name(&name)?;
            key.name = name;
        }
        if let Some(last) = self.not_after {
            if last > key.not_after.unwrap_or(LAST_SECOND) {
                return Err(Problem::unfit("not_after_later", "a key's end only comes closer: create or rotate a key"));
            }
            key.not_after = Some(last);
        }
        key.limits = merged(Limits::from(key.limits), self.limits)?.into();
        key.policy = merged(Policy::from(key.policy), self.policy)?.into();
        check_policy(&key.policy)?;
        Ok(key)
    }
}

/// Changes what the body names, and nothing else. The answer waits up to 5 seconds for the edge.
#[utoipa::path(
    patch, path = "/keys/{public_key}", tag = "keys", request_body = Changes,
    params(("public_key" = String, Path, description = "the public key, pk_…")),
    security(("bearer" = ["keys:write"]), ("cookie" = [])),
    responses((status = 200, description = "the key now", body = Changed<Shown>), Bodied, Named, Judged, Guarded),
)]
pub(super) async fn change(
    State(admin): State<Shared>,
    caller: Caller,
    Input(key): Input<PublicKey>,
    Body(changes): Body<Changes>,
) -> Answer<Answered<Changed<Shown>>> {
    caller.require(Permission::KeysWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    let wanted = changes.made(change.key(key).await?)?;
    change.put_key(&wanted).await?;
    let now = change.key(key).await?;
    change.commit().await?;
    let edge = admin.told(&[RecordName::Key(key)]).await;
    let now = admin.shown(now, caller.now()).await?;
    Ok(Answered(Changed { now, edge }))
}
