//! `POST /users`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserShown;
use crate::access::email::Email;
use crate::access::id::UserId;
use crate::access::label::Label;
use crate::access::password::{Password, hash_in_turn};
use crate::access::permission::Permission;
use crate::access::role::Role;
use crate::admin::caller::Caller;
use crate::admin::input::Body;
use crate::admin::responses::{Bodied, Conflicting, Guarded};
use crate::admin::{Answer, Shared};
use crate::registry::User;

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// What they will sign in with.
    email: Email,
    /// What people call them.
    name: Label,
    /// What they may do.
    role: Role,
    /// Their first password.
    password: Password,
}

/// Makes a user.
#[utoipa::path(
    post, path = "/users", tag = "users", request_body = NewUser,
    security(("bearer" = ["users:write"]), ("cookie" = [])),
    responses((status = 201, body = UserShown), Guarded, Bodied, Conflicting),
)]
pub(super) async fn create(
    State(admin): State<Shared>,
    caller: Caller,
    Body(asked): Body<NewUser>,
) -> Answer<(StatusCode, Json<UserShown>)> {
    caller.require(Permission::UsersWrite)?;
    let user = User {
        id: UserId::generate()?,
        email: asked.email.into(),
        name: asked.name.into(),
        role: asked.role,
        password_hash: hash_in_turn(asked.password).await?,
        is_active: true,
        created_at: caller.now(),
        changed_at: caller.now(),
        last_login_at: None,
    };
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.add_user(&user).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(UserShown::from(&user))))
}
