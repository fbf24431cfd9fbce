//! `/license`: what the vendor opens. The licence's text is never shown.

mod change;
mod show;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

/// The setting that holds it.
const SETTING: &str = "license.key";

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(show::show, change::activate, change::remove))
}
