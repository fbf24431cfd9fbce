//! `POST /session/refresh`.

use axum::extract::State;
use axum::response::Response;

use super::{Begun, SessionBegun};
use crate::access::permission::Permission;
use crate::access::session::Subject;
use crate::admin::caller::Caller;
use crate::admin::responses::Guarded;
use crate::admin::visitor::Visitor;
use crate::admin::{Answer, Problem, Shared};

/// Renews this session: a new token, and an end as far away as a new session's. Rights stay what the user's are.
#[utoipa::path(
    post, path = "/session/refresh", tag = "sessions", security(("bearer" = ["account"]), ("cookie" = [])),
    responses((status = 200, body = SessionBegun), Guarded),
)]
pub(super) async fn refresh(State(admin): State<Shared>, caller: Caller, visitor: Visitor) -> Answer<Response> {
    caller.require(Permission::OwnAccount)?;
    let (session, id) = (caller.session()?, caller.user()?);
    let user = admin.origin.registry.user(&id).await?.ok_or_else(Problem::unauthenticated)?;
    let begun = Begun::of(&admin, &visitor, session, Subject::User(id), Some(&user)).await?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    if !change.extend_session(&session.to_string(), begun.expires_at()).await? {
        return Err(Problem::unauthenticated());
    }
    change.commit().await?;
    Ok(begun.renewed())
}
