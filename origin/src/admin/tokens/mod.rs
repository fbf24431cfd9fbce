//! `/tokens`: what machines bring to this API. A token makes no tokens (ADM-2): these routes are for people.

mod create;
mod list;
mod remove;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use crate::access::permission::Scope;
use crate::registry::StoredToken;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(remove::remove))
}

/// Whose tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// Everybody's, which needs a permission for users; else one's own.
    #[serde(default)]
    all: bool,
}

/// An API token; its secret is not shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiToken)]
struct TokenShown {
    /// Its id; no secret.
    #[schema(example = "tk_AAAAAAAAAAAAAAAAAAAAAA")]
    id: String,
    /// Whose it is: the token may do no more than they may.
    user_id: String,
    /// What people call it.
    name: String,
    /// What it was made for.
    scopes: Vec<Scope>,
    /// When it was made, in unix milliseconds.
    created_at: u64,
    /// When it ends, in unix milliseconds; none: never.
    expires_at: Option<u64>,
    /// When it was used last, to the minute, in unix milliseconds.
    last_used_at: Option<u64>,
}

impl From<StoredToken> for TokenShown {
    fn from(token: StoredToken) -> Self {
        Self {
            id: token.id.to_string(),
            user_id: token.user.to_string(),
            name: token.name,
            scopes: token.scopes.iter().collect(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}
