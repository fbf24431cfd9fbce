//! `DELETE /users/{id}`.

use axum::extract::State;
use axum::http::StatusCode;

use crate::access::id::UserId;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Conflicting, Guarded, Named};
use crate::admin::{Answer, Shared};

/// Removes a user with their sessions and API tokens. The last active admin stays.
#[utoipa::path(
    delete, path = "/users/{id}", tag = "users", security(("bearer" = ["users:write"]), ("cookie" = [])),
    params(("id" = String, Path, description = "The user's id", pattern = "^us_[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 204), Guarded, Named, Conflicting),
)]
pub(super) async fn remove(
    State(admin): State<Shared>,
    caller: Caller,
    Input(id): Input<UserId>,
) -> Answer<StatusCode> {
    caller.require(Permission::UsersWrite)?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.remove_user(&id).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
