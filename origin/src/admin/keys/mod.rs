//! `/projects/{slug}/keys` and `/keys`: key pairs. A secret is in the answer that makes it, and in no other.

mod change;
mod create;
mod list;
mod read;
mod revoke;
mod rotate;
pub(in crate::admin) mod shape;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(read::read, change::change))
        .routes(routes!(revoke::revoke))
        .routes(routes!(rotate::rotate))
}
