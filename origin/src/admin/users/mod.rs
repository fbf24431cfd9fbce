//! `/users`: who may sign in, for admins.

mod change;
mod create;
mod list;
mod password;
mod remove;
mod sessions;
mod show;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;

pub(super) use show::UserShown;

pub(super) fn routes() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, change::change, remove::remove))
        .routes(routes!(password::set))
        .routes(routes!(sessions::end_all))
}
