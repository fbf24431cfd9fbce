//! `GET /projects/{slug}/watermarks/{name}/picture`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use sealpix::operations::Name;
use sealpix::target::Slug;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::images::Format;

/// Shows a watermark's picture, as it is laid.
#[utoipa::path(
    get, path = "/projects/{slug}/watermarks/{name}/picture", tag = "watermarks",
    security(("bearer" = ["presets:read"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the watermark's name")
    ),
    responses((status = 200, description = "a PNG", body = [u8], content_type = "image/png"), Named, Guarded),
)]
pub(super) async fn picture(
    State(admin): State<Shared>,
    caller: Caller,
    Input((slug, name)): Input<(Slug, Name)>,
) -> Answer<Response> {
    caller.require(Permission::PresetsRead)?;
    let stored = admin.origin.registry.watermark_picture(&slug, &name).await?;
    let stored = stored.ok_or_else(|| Problem::missing(format!("watermark {name}")))?;
    Ok(([(CONTENT_TYPE, Format::Png.content_type())], stored.value).into_response())
}
