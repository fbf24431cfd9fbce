//! `GET /users`.

use axum::Json;
use axum::extract::State;

use super::UserShown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};

/// Lists users, the oldest first.
#[utoipa::path(
    get, path = "/users", tag = "users", params(PageQuery), security(("bearer" = ["users:read"]), ("cookie" = [])),
    responses((status = 200, body = Page<UserShown>), Guarded, Asking),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<UserShown>>> {
    caller.require(Permission::UsersRead)?;
    let users = admin.origin.registry.users().await?;
    page.of(users.iter().map(UserShown::from).collect(), |user| user.id.clone()).map(Json)
}
