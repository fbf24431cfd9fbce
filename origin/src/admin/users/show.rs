//! `GET /users/{id}`, and what is shown of a user: never the password's hash.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::id::UserId;
use crate::access::permission::Permission;
use crate::access::role::Role;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::User;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::admin) struct UserShown {
    /// Their id.
    #[schema(example = "us_AAAAAAAAAAAAAAAAAAAAAA")]
    pub(super) id: String,
    /// What they sign in with, in small letters.
    email: String,
    /// What people call them.
    name: String,
    /// What they may do.
    role: Role,
    /// Whether they may sign in.
    is_active: bool,
    /// When they were made, in unix milliseconds.
    created_at: u64,
    /// When they were changed last, in unix milliseconds.
    changed_at: u64,
    /// When they signed in last, in unix milliseconds.
    last_login_at: Option<u64>,
}

impl From<&User> for UserShown {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role,
            is_active: user.is_active,
            created_at: user.created_at,
            changed_at: user.changed_at,
            last_login_at: user.last_login_at,
        }
    }
}

/// Shows a user.
#[utoipa::path(
    get, path = "/users/{id}", tag = "users", security(("bearer" = ["users:read"]), ("cookie" = [])),
    params(("id" = String, Path, description = "The user's id", pattern = "^us_[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 200, body = UserShown), Guarded, Named),
)]
pub(super) async fn show(
    State(admin): State<Shared>,
    caller: Caller,
    Input(id): Input<UserId>,
) -> Answer<Json<UserShown>> {
    caller.require(Permission::UsersRead)?;
    let user = admin.origin.registry.user(&id).await?.ok_or_else(|| Problem::missing("such user"))?;
    Ok(Json(UserShown::from(&user)))
}
