//! `POST /sessions/guest`: a session for looking at the gallery, while guests are let in.

use axum::extract::State;

use super::{Begun, Guess, SessionBegun};

use crate::admin::responses::{Always, GuestsOut, Throttled};
use crate::admin::visitor::Visitor;
use crate::admin::{Answer, Problem, Shared};
use crate::registry::Actor;

/// Begins a guest's session. An address may begin some twenty in a quarter of an hour.
#[utoipa::path(
    post, path = "/sessions/guest", tag = "sessions", security(()),
    responses((status = 201, body = SessionBegun), GuestsOut, Throttled, Always),
)]
pub(super) async fn guest(State(admin): State<Shared>, visitor: Visitor) -> Answer<Begun> {
    if !admin.origin.is_guest_mode_on().await? {
        return Err(Problem::forbidden("guests are not let in"));
    }
    let author = visitor.author(Actor::Guest);
    Guess::at_guests(visitor.address).charge(&admin, &author).await?;
    let begun = Begun::new(&admin, &visitor, None).await?;
    let mut change = admin.origin.registry.change(&author).await?;
    change.begin_session(&begun.row(&visitor)).await?;
    change.commit().await?;
    Ok(begun)
}
