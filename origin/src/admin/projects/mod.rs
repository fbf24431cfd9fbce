//! `/projects`: tenants, their rules and defaults.

mod change;
mod create;
mod list;
mod purge;
mod read;
mod remove;
pub(in crate::admin) mod shape;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(read::read, change::change, remove::remove))
        .routes(routes!(purge::purge))
}
