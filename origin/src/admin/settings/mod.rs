//! `/settings`: what may change while the origin runs.

mod change;
mod list;
mod public;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(public::public))
        .routes(routes!(change::set, change::unset))
}
