//! `PATCH /users/{id}`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserShown;
use crate::access::email::Email;
use crate::access::id::UserId;
use crate::access::label::Label;
use crate::access::permission::Permission;
use crate::access::role::Role;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Conflicting, Guarded, Named};
use crate::admin::{Answer, Shared};
use crate::registry::User;

/// What is to be another; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserPatch {
    /// What they sign in with.
    email: Option<Email>,
    /// What people call them.
    name: Option<Label>,
    /// What they may do, from their next request on.
    role: Option<Role>,
    /// Whether they may sign in; false also ends their sessions.
    is_active: Option<bool>,
}

/// Changes a user. The last active admin stays an active admin.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "users", request_body = UserPatch,
    params(("id" = String, Path, description = "The user's id", pattern = "^us_[A-Za-z0-9_-]{21}[AQgw]$")),
    security(("bearer" = ["users:write"]), ("cookie" = [])),
    responses((status = 200, body = UserShown), Guarded, Bodied, Named, Conflicting),
)]
pub(super) async fn change(
    State(admin): State<Shared>,
    caller: Caller,
    Input(id): Input<UserId>,
    Body(asked): Body<UserPatch>,
) -> Answer<Json<UserShown>> {
    caller.require(Permission::UsersWrite)?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    let held = change.user(&id).await?;
    let wanted = User {
        email: asked.email.map_or(held.email, String::from),
        name: asked.name.map_or(held.name, String::from),
        role: asked.role.unwrap_or(held.role),
        is_active: asked.is_active.unwrap_or(held.is_active),
        ..held
    };
    change.put_user(&wanted).await?;
    let changed = change.user(&id).await?;
    change.commit().await?;
    Ok(Json(UserShown::from(&changed)))
}
