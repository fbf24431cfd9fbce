//! `GET /settings/public`: what a sign-in page must know of the origin.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::responses::Always;
use crate::admin::{Answer, Shared};
use crate::settings::SETTINGS;

/// A public setting.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublicSetting {
    /// Its name.
    #[schema(example = "guest.enabled")]
    name: &'static str,
    /// The value in force.
    value: Option<String>,
}

/// The public settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublicSettings {
    /// Each of them.
    items: Vec<PublicSetting>,
}

/// Lists the public settings' values in force, to anybody.
#[utoipa::path(
    get, path = "/settings/public", tag = "settings", security(()),
    responses((status = 200, description = "the public settings", body = PublicSettings), Always),
)]
pub(super) async fn public(State(admin): State<Shared>) -> Answer<Json<PublicSettings>> {
    let mut items = Vec::new();
    for setting in SETTINGS.iter().filter(|setting| setting.is_public) {
        let value = admin.origin.setting(setting.name).await?;
        items.push(PublicSetting { name: setting.name, value: value.map(|value| value.to_string()) });
    }
    Ok(Json(PublicSettings { items }))
}
