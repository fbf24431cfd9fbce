//! `/sources`: configured sources, and what the origin's guard says of one.

mod create;
mod list;
mod put;
mod read;
mod remove;
mod shape;
mod trial;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(read::read, put::put, remove::remove))
        .routes(routes!(trial::of_source_test))
        .routes(routes!(trial::of_url))
}
