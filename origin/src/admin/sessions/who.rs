//! `GET /session`: who am I.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::csrf;
use crate::access::permission::Permission;
use crate::access::role::{Caller as Kind, Role};
use crate::admin::caller::Caller;
use crate::admin::responses::Guarded;
use crate::admin::users::UserShown;
use crate::admin::{Answer, Problem, Shared};

/// What kind of caller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CallerKind {
    /// A signed-in user.
    User,
    /// An API token.
    Token,
    /// A guest.
    Guest,
}

/// The caller, as this request found them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WhoAmI {
    /// What they are.
    kind: CallerKind,
    /// The signed-in user.
    user: Option<UserShown>,
    /// The user's role, or that of the token's owner.
    role: Option<Role>,
    /// All that they may do.
    permissions: Vec<Permission>,
    /// When the session ends, in unix milliseconds.
    expires_at: Option<u64>,
    /// For the header `X-CSRF-Token` of changes by cookie.
    csrf_token: Option<String>,
}

/// Tells the caller who they are and what they may do.
#[utoipa::path(
    get, path = "/session", tag = "sessions", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = WhoAmI), Guarded),
)]
pub(super) async fn who(State(admin): State<Shared>, caller: Caller) -> Answer<Json<WhoAmI>> {
    let registry = &admin.origin.registry;
    let (kind, user, role) = match caller.kind() {
        Kind::User { id, role } => (CallerKind::User, registry.user(id).await?, Some(*role)),
        Kind::Token { owner_role, .. } => (CallerKind::Token, None, Some(*owner_role)),
        Kind::Guest => {
            // A guest is let in nowhere while guest mode is off.
            caller.require(Permission::GalleryRead)?;
            (CallerKind::Guest, None, None)
        }
        Kind::Nobody => return Err(Problem::unauthenticated()),
    };
    let session = match caller.session {
        Some(session) => registry.session(&session.to_string(), caller.now()).await?,
        None => None,
    };
    Ok(Json(WhoAmI {
        kind,
        user: user.as_ref().map(UserShown::from),
        role,
        permissions: caller.permissions(),
        expires_at: session.map(|session| session.expires_at),
        csrf_token: caller.session.map(|session| csrf::csrf_token(&admin.sessions.current, session)),
    }))
}
