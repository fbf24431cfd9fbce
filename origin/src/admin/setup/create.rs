//! `POST /setup`: the first admin.

use axum::extract::State;
use serde::Deserialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::access::email::Email;
use crate::access::id::UserId;
use crate::access::label::Label;
use crate::access::password::{Password, hash_in_turn};
use crate::access::role::Role;
use crate::access::token::SetupToken;
use crate::admin::input::{Body, secret_text};
use crate::admin::responses::{Always, Bodied, Conflicting, Guessed, Throttled};
use crate::admin::sessions::{Begun, Guess, SessionBegun};
use crate::admin::visitor::Visitor;
use crate::admin::{Answer, Problem, Shared};
use crate::registry::{Actor, User};

/// One at a time in this process, so that of many at once only the first has its password hashed. Which of two
/// processes is first the change decides.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstAdmin {
    /// What the last start of the origin printed: `setup_…`.
    #[serde(deserialize_with = "secret_text")]
    #[schema(value_type = String, format = Password, write_only)]
    token: Zeroizing<String>,
    /// What the admin will sign in with.
    email: Email,
    /// What people call the admin.
    name: Label,
    /// The admin's password.
    password: Password,
}

/// Makes the first admin, and signs them in. Works once.
#[utoipa::path(
    post, path = "/setup", tag = "setup", request_body = FirstAdmin, security(()),
    responses((status = 201, body = SessionBegun), Guessed, Bodied, Conflicting, Throttled, Always),
)]
pub(super) async fn create(
    State(admin): State<Shared>,
    visitor: Visitor,
    Body(asked): Body<FirstAdmin>,
) -> Answer<Begun> {
    let registry = &admin.origin.registry;
    if !registry.needs_setup().await? {
        return Err(Problem::set_up_already());
    }
    let guess = Guess::at_setup(visitor.address);
    let author = visitor.author(Actor::Anonymous(asked.email.to_string()));
    guess.refuse_blocked(&admin).await?;
    let token = SetupToken::parse(&asked.token).ok();
    let is_right = |stored: Option<String>| token.as_ref().zip(stored).is_some_and(|(ours, held)| ours.matches(&held));
    if !is_right(registry.setup_token().await?) {
        // Whoever was first has voided it meanwhile, which was no guess.
        if !registry.needs_setup().await? {
            return Err(Problem::set_up_already());
        }
        // A right one costs nothing, so that it may be shown as often as it takes to choose a password.
        guess.charge(&admin, &author).await?;
        guess.failed(&admin, &author).await?;
        return Err(Problem::setup_token_wrong());
    }
    let _alone = ALONE.lock().await;
    if !registry.needs_setup().await? {
        return Err(Problem::set_up_already());
    }
    let user = User {
        id: UserId::generate()?,
        email: asked.email.into(),
        name: asked.name.into(),
        role: Role::Admin,
        password_hash: hash_in_turn(asked.password).await?,
        is_active: true,
        created_at: visitor.now(),
        changed_at: visitor.now(),
        last_login_at: Some(visitor.now()),
    };
    let begun = Begun::new(&admin, &visitor, Some(&user)).await?;
    let mut change = registry.change(&author).await?;
    if !change.needs_setup().await? {
        return Err(Problem::set_up_already());
    }
    if !is_right(change.setup_token().await?) {
        return Err(Problem::setup_token_wrong());
    }
    change.add_user(&user).await?;
    change.begin_session(&begun.row(&visitor)).await?;
    change.commit().await?;
    Ok(begun)
}
