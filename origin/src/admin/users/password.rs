//! `PUT /users/{id}/password`: a user's password, by an admin.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::id::UserId;
use crate::access::password::{Password, hash_in_turn};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Guarded, Named};
use crate::admin::{Answer, Problem, Shared};

/// A user's new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// The password.
    password: Password,
}

/// Sets a user's password, and ends their sessions but the one that this request comes by.
#[utoipa::path(
    put, path = "/users/{id}/password", tag = "users", request_body = NewPassword,
    params(("id" = String, Path, description = "The user's id", pattern = "^us_[A-Za-z0-9_-]{21}[AQgw]$")),
    security(("bearer" = ["users:write"]), ("cookie" = [])),
    responses((status = 204), Guarded, Bodied, Named),
)]
pub(super) async fn set(
    State(admin): State<Shared>,
    caller: Caller,
    Input(id): Input<UserId>,
    Body(asked): Body<NewPassword>,
) -> Answer<StatusCode> {
    caller.require(Permission::UsersWrite)?;
    if admin.origin.registry.user(&id).await?.is_none() {
        return Err(Problem::missing("such user"));
    }
    let hash = hash_in_turn(asked.password).await?;
    let kept = caller.session.map(|session| session.to_string());
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.set_password(&id, &hash, kept.as_deref()).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
