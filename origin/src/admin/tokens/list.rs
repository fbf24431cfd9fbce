//! `GET /tokens`.

use axum::Json;
use axum::extract::State;

use super::{TokenShown, Whose};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};

/// Lists API tokens, the oldest first: one's own, or everybody's.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens", params(PageQuery, Whose), security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Page<TokenShown>), Guarded, Asking),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(whose): Asked<Whose>,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<TokenShown>>> {
    caller.require(if whose.all { Permission::UsersRead } else { Permission::OwnAccount })?;
    let user = if whose.all { None } else { Some(caller.user()?) };
    let tokens = admin.origin.registry.tokens(user.as_ref()).await?;
    page.of(tokens.into_iter().map(TokenShown::from).collect(), |token| token.id.clone()).map(Json)
}
