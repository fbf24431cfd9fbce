//! `/sign` and `/inspect`: URLs signed by the origin, and explained by it.

mod inspect;
mod url;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(url::sign)).routes(routes!(inspect::inspect))
}
