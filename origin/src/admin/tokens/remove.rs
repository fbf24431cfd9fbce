//! `DELETE /tokens/{id}`.

use axum::extract::State;
use axum::http::StatusCode;

use super::Whose;
use crate::access::id::TokenId;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Asked, Input};
use crate::admin::responses::{Asking, Guarded, Named};
use crate::admin::{Answer, Shared};

/// Removes an API token, one's own or anybody's: its next request is refused.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "tokens", security(("bearer" = []), ("cookie" = [])),
    params(
        ("id" = String, Path, description = "The token's id", pattern = "^tk_[A-Za-z0-9_-]{21}[AQgw]$"),
        Whose,
    ),
    responses((status = 204), Guarded, Named, Asking),
)]
pub(super) async fn remove(
    State(admin): State<Shared>,
    caller: Caller,
    Input(id): Input<TokenId>,
    Asked(whose): Asked<Whose>,
) -> Answer<StatusCode> {
    caller.require(if whose.all { Permission::UsersWrite } else { Permission::OwnAccount })?;
    let user = if whose.all { None } else { Some(caller.user()?) };
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.remove_token(&id, user.as_ref()).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
