//! `/sessions`, who is signed in, and `/session`, the caller's own.

mod begin;
mod end;
mod guess;
mod guest;
mod list;
mod login;
mod password;
mod refresh;
mod who;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) use begin::{Begun, SessionBegun};
pub(super) use guess::Guess;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(login::login, list::list, end::end_all))
        .routes(routes!(guest::guest))
        .routes(routes!(end::end))
        .routes(routes!(who::who, end::logout))
        .routes(routes!(refresh::refresh))
        .routes(routes!(password::change))
}
