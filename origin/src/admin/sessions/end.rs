//! The ends of one's own sessions: this one, another, all. Each is immediate: a session is its row.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::begin::with_cookie;
use crate::access::cookie;
use crate::access::id::SessionId;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};

/// Signs out: this session ends, and its cookie with it. Guests may, too.
#[utoipa::path(
    delete, path = "/session", tag = "sessions", security(("bearer" = []), ("cookie" = [])),
    responses((status = 204), Guarded),
)]
pub(super) async fn logout(State(admin): State<Shared>, caller: Caller) -> Answer<Response> {
    let session = caller.session()?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.end_session(&session.to_string(), None).await?;
    change.commit().await?;
    Ok(signed_out(&caller))
}

/// Ends one of one's own sessions.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions", security(("bearer" = ["account"]), ("cookie" = [])),
    params(("id" = String, Path, description = "The session's id", pattern = "^se_[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 204), Guarded, Named),
)]
pub(super) async fn end(State(admin): State<Shared>, caller: Caller, Input(id): Input<SessionId>) -> Answer<Response> {
    caller.require(Permission::OwnAccount)?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    if !change.end_session(&id.to_string(), Some(&caller.user()?)).await? {
        return Err(Problem::missing("such session"));
    }
    change.commit().await?;
    let is_current = caller.session == Some(id);
    Ok(if is_current { signed_out(&caller) } else { StatusCode::NO_CONTENT.into_response() })
}

/// Ends all of one's own sessions, this one too.
#[utoipa::path(
    delete, path = "/sessions", tag = "sessions", security(("bearer" = ["account"]), ("cookie" = [])),
    responses((status = 204), Guarded),
)]
pub(super) async fn end_all(State(admin): State<Shared>, caller: Caller) -> Answer<Response> {
    caller.require(Permission::OwnAccount)?;
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.end_sessions(&caller.user()?, None).await?;
    change.commit().await?;
    Ok(signed_out(&caller))
}

fn signed_out(caller: &Caller) -> Response {
    with_cookie(StatusCode::NO_CONTENT.into_response(), &cookie::clear_cookie(caller.is_tls))
}
