//! `GET /setup`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::responses::Always;
use crate::admin::{Answer, Shared};

/// Whether the first admin is still to be made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SetupNeeded {
    /// Whether there is no user yet.
    needed: bool,
}

/// Tells anybody whether the first admin is still to be made.
#[utoipa::path(
    get, path = "/setup", tag = "setup", security(()),
    responses((status = 200, body = SetupNeeded), Always),
)]
pub(super) async fn needed(State(admin): State<Shared>) -> Answer<Json<SetupNeeded>> {
    Ok(Json(SetupNeeded { needed: admin.origin.registry.needs_setup().await? }))
}
