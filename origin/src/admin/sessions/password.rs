//! `PUT /session/password`: one's own password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::Guess;
use crate::access::password::{Password, hash_in_turn, verify_in_turn};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, secret_text};
use crate::admin::responses::{Bodied, Guarded, Throttled};
use crate::admin::{Answer, Problem, Shared};

/// A new password for the one that is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPassword {
    /// The password until now.
    #[serde(deserialize_with = "secret_text")]
    #[schema(value_type = String, format = Password, write_only)]
    current: Zeroizing<String>,
    /// The password from now on.
    new: Password,
}

/// Changes one's own password, and ends one's other sessions. A wrong current password is throttled like a login.
#[utoipa::path(
    put, path = "/session/password", tag = "sessions", request_body = OwnPassword,
    security(("bearer" = ["account"]), ("cookie" = [])),
    responses((status = 204), Guarded, Bodied, Throttled),
)]
pub(super) async fn change(
    State(admin): State<Shared>,
    caller: Caller,
    Body(asked): Body<OwnPassword>,
) -> Answer<StatusCode> {
    caller.require(Permission::OwnAccount)?;
    let (registry, author) = (&admin.origin.registry, caller.author());
    let user = registry.user(&caller.user()?).await?.ok_or_else(Problem::unauthenticated)?;
    let guess = Guess::at_account(&user.email, caller.address);
    guess.charge(&admin, &author).await?;
    if !verify_in_turn(asked.current, Some(user.password_hash.clone())).await? {
        guess.failed(&admin, &author).await?;
        return Err(Problem::password_wrong());
    }
    let hash = hash_in_turn(asked.new).await?;
    let session = caller.session()?.to_string();
    let mut change = registry.change(&author).await?;
    // What was verified must still be so: another change of the password, or an end of the session, came first.
    let held = change.user_by_email(&user.email).await?;
    if held.is_none_or(|held| held.id != user.id || held.password_hash != user.password_hash) {
        return Err(Problem::password_wrong());
    }
    if !change.has_session(&session).await? {
        return Err(Problem::unauthenticated());
    }
    guess.was_right(&admin, &mut change).await?;
    change.set_password(&user.id, &hash, Some(&session)).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
