//! `/projects/{slug}/presets`: operations under a name.

mod put;
mod read;
mod remove;

use std::sync::Arc;

use sealpix::record::Preset;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

/// A preset.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preset)]
struct Shown {
    /// The operations in canonical form.
    #[schema(example = "w_400,h_300,fit_cover")]
    operations: String,
}

impl From<&Preset> for Shown {
    fn from(preset: &Preset) -> Self {
        Self { operations: preset.to_string() }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(read::read, put::put, remove::remove))
}
