//! `POST /tokens`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TokenShown;
use crate::access::id::TokenId;
use crate::access::label::Label;
use crate::access::permission::{Permission, Scope, Scopes};
use crate::access::token::ApiToken;
use crate::admin::caller::Caller;
use crate::admin::input::Body;
use crate::admin::responses::{Bodied, Conflicting, Guarded};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::StoredToken;

/// The latest end, in unix milliseconds: that of the year 9999.
const LATEST_MILLIS: u64 = 253_402_300_799_999;

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// What to call it.
    name: Label,
    /// What it may do: at least one of what its maker may.
    #[schema(value_type = Vec<Scope>, min_items = 1)]
    scopes: Scopes,
    /// When it ends, in unix milliseconds; left out: never.
    #[schema(minimum = 0, maximum = 253_402_300_799_999_u64)]
    expires_at: Option<u64>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenMade {
    /// The token, `spt_…`: shown this once.
    secret: String,
    /// What is shown of it from now on.
    token: TokenShown,
}

/// Makes an API token of one's own; its secret is shown once.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = NewToken,
    security(("bearer" = ["account"]), ("cookie" = [])),
    responses((status = 201, body = TokenMade), Guarded, Bodied, Conflicting),
)]
pub(super) async fn create(
    State(admin): State<Shared>,
    caller: Caller,
    Body(asked): Body<NewToken>,
) -> Answer<(StatusCode, Json<TokenMade>)> {
    caller.require(Permission::OwnAccount)?;
    if asked.scopes.is_empty() {
        return Err(Problem::invalid("scopes: a token has at least one"));
    }
    // What its maker may not do now it shall not do after a promotion, either.
    asked.scopes.iter().try_for_each(|scope| caller.require(scope.permission()))?;
    match asked.expires_at {
        Some(end) if end > LATEST_MILLIS => return Err(Problem::invalid("expires_at is after the year 9999")),
        Some(end) if end <= caller.now() => return Err(Problem::refused("expires_at has passed")),
        _ => {}
    }
    let secret = ApiToken::generate()?;
    let token = StoredToken {
        id: TokenId::generate()?,
        user: caller.user()?,
        name: asked.name.into(),
        scopes: asked.scopes,
        created_at: caller.now(),
        expires_at: asked.expires_at,
        last_used_at: None,
    };
    let mut change = admin.origin.registry.change(&caller.author()).await?;
    change.add_token(&token, &secret.fingerprint()).await?;
    change.commit().await?;
    let made = TokenMade { secret: secret.reveal().to_string(), token: token.into() };
    Ok((StatusCode::CREATED, Json(made)))
}
