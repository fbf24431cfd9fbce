//! `DELETE /users/{id}/sessions`.

use axum::extract::State;
use axum::http::StatusCode;

use crate::access::id::UserId;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Shared};

/// Ends all sessions of a user, at once.
#[utoipa::path(
    delete, path = "/users/{id}/sessions", tag = "users", security(("bearer" = ["users:write"]), ("cookie" = [])),
    params(("id" = String, Path, description = "The user's id", pattern = "^us_[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 204), Guarded, Named),
)]
pub(super) async fn end_all(
    State(admin): State<Shared>,
    caller: Caller,
    Input(id): Input<UserId>,
) -> Answer<StatusCode> {
    caller.require(Permission::UsersWrite)?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.user(&id).await?;
    change.end_sessions(&id, None).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
