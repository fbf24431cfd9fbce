//! `GET /sessions`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};

/// A session of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionShown {
    /// Its id; no secret.
    #[schema(example = "se_AAAAAAAAAAAAAAAAAAAAAA")]
    id: String,
    /// When it began, in unix milliseconds.
    created_at: u64,
    /// When it ends, in unix milliseconds.
    expires_at: u64,
    /// From which address.
    address: Option<String>,
    /// With which browser, as it calls itself.
    user_agent: Option<String>,
    /// Whether this request came by it.
    is_current: bool,
}

/// Lists one's own sessions, the newest first.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", params(PageQuery), security(("bearer" = ["account"]), ("cookie" = [])),
    responses((status = 200, body = Page<SessionShown>), Guarded, Asking),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<SessionShown>>> {
    caller.require(Permission::OwnAccount)?;
    let current = caller.session()?.to_string();
    let sessions = admin.origin.registry.sessions(&caller.user()?, caller.now()).await?;
    let shown = sessions.into_iter().map(|session| SessionShown {
        is_current: session.id == current,
        id: session.id,
        created_at: session.created_at,
        expires_at: session.expires_at,
        address: session.address,
        user_agent: session.user_agent,
    });
    page.of(shown.collect(), |session| session.id.clone()).map(Json)
}
