//! `POST /sessions`: the login.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::guess::account_named;
use super::{Begun, Guess, SessionBegun};
use crate::access::email::Email;
use crate::access::password::{Password, hash_in_turn, needs_rehash, verify_in_turn};
use crate::admin::input::{Body, secret_text};
use crate::admin::responses::{Always, Bodied, Guessed, Throttled};
use crate::admin::visitor::Visitor;
use crate::admin::{Admin, Answer, Problem, Shared};
use crate::registry::{Actor, Author, User};

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// Their email address; one that is none is nobody's.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Their password.
    #[serde(deserialize_with = "secret_text")]
    #[schema(value_type = String, format = Password, write_only)]
    password: Zeroizing<String>,
}

/// Signs in with email address and password. Failed attempts are throttled, by account and by address.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", request_body = Credentials, security(()),
    responses((status = 201, body = SessionBegun), Guessed, Bodied, Throttled, Always),
)]
pub(super) async fn login(
    State(admin): State<Shared>,
    visitor: Visitor,
    Body(credentials): Body<Credentials>,
) -> Answer<Begun> {
    let ended = sign_in(&admin, &visitor, credentials).await;
    admin.metrics.login_ended(match &ended {
        Ok(_) => "ok",
        Err(problem) => match problem.status().as_u16() {
            401 => "wrong",
            429 => "throttled",
            _ => "failed",
        },
    });
    ended
}

async fn sign_in(admin: &Admin, visitor: &Visitor, credentials: Credentials) -> Answer<Begun> {
    let account = account_named(&credentials.email);
    let guess = Guess::at_account(&account, visitor.address);
    let author = visitor.author(Actor::Anonymous(account));
    guess.charge(admin, &author).await?;
    let found = match Email::parse(&credentials.email) {
        Ok(email) => admin.origin.registry.user_by_email(email.as_str()).await?,
        Err(_) => None,
    };
    // As much work for nobody as for somebody.
    let stored = found.as_ref().map(|user| user.password_hash.clone());
    let is_right = verify_in_turn(credentials.password.clone(), stored).await?;
    if let Some(user) = found.filter(|user| is_right && user.is_active)
        && let Some(begun) = begin(admin, visitor, &guess, author.clone(), user, credentials.password).await?
    {
        return Ok(begun);
    }
    guess.failed(admin, &author).await?;
    Err(Problem::credentials_wrong())
}

/// Begins the session of a user whose password was right; none if that is not so any more.
async fn begin(
    admin: &Admin,
    visitor: &Visitor,
    guess: &Guess,
    author: Author,
    user: User,
    password: Zeroizing<String>,
) -> Answer<Option<Begun>> {
    let rehashed = match Password::new(password) {
        Ok(password) if needs_rehash(&user.password_hash) => Some(hash_in_turn(password).await?),
        _ => None,
    };
    let begun = Begun::new(admin, visitor, Some(&user)).await?;
    let mut change = admin.origin.registry.change(&author).await?;
    let held = change.user_by_email(&user.email).await?;
    let is_same = |held: &User| held.id == user.id && held.is_active && held.password_hash == user.password_hash;
    if !held.as_ref().is_some_and(is_same) {
        return Ok(None);
    }
    change.set_actor(Actor::User { id: user.id.to_string(), email: user.email });
    guess.was_right(admin, &mut change).await?;
    if let Some(hash) = rehashed {
        change.rehash_password(&user.id, &hash).await?;
    }
    change.begin_session(&begun.row(visitor)).await?;
    change.commit().await?;
    Ok(Some(begun))
}
