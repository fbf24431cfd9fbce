//! `GET /projects/{slug}/watermarks/{name}`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;
use sealpix::target::Slug;

use super::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};

/// Shows a watermark, without its picture.
#[utoipa::path(
    get, path = "/projects/{slug}/watermarks/{name}", tag = "watermarks",
    security(("bearer" = ["presets:read"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the watermark's name")
    ),
    responses((status = 200, description = "the watermark", body = Shown), Named, Guarded),
)]
pub(super) async fn read(
    State(admin): State<Shared>,
    caller: Caller,
    Input((slug, name)): Input<(Slug, Name)>,
) -> Answer<Json<Shown>> {
    caller.require(Permission::PresetsRead)?;
    let stored = admin.origin.registry.watermark(&slug, &name).await?;
    Ok(Json(stored.ok_or_else(|| Problem::missing(format!("watermark {name}")))?.into()))
}
