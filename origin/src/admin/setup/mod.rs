//! `/setup`: the first admin, made by whoever holds the token that the first start prints (ADM-1).

mod create;
mod needed;
mod offer;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub use offer::{OfferError, offer_setup};

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(needed::needed, create::create))
}
