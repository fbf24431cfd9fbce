//! `PUT /projects/{slug}/watermarks/{name}`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;
use sealpix::target::Slug;

use super::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::input::{Input, Upload};
use crate::admin::responses::{Conflicting, Guarded, Judged, Named, Uploaded};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::{RecordName, read_watermark};

/// Creates or replaces a watermark. The body is the picture: a still of any format that the origin reads, at most 1 MiB and 4
/// million pixels; its bytes say which, not the content type. What is kept is a PNG of its pixels. The answer waits up to 5
/// seconds for the edge.
#[utoipa::path(
    put, path = "/projects/{slug}/watermarks/{name}", tag = "watermarks",
    request_body(content = [u8], content_type = "application/octet-stream"),
    security(("bearer" = ["presets:write"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the watermark's name, 1 to 32 of a-z 0-9 -")
    ),
    responses(
        (status = 200, description = "the watermark now", body = Changed<Shown>),
        Uploaded, Named, Conflicting, Judged, Guarded
    ),
)]
pub(super) async fn put(
    State(admin): State<Shared>,
    caller: Caller,
    Input((slug, name)): Input<(Slug, Name)>,
    Upload(picture): Upload,
) -> Answer<Json<Changed<Shown>>> {
    caller.require(Permission::PresetsWrite)?;
    let read = tokio::task::spawn_blocking(move || read_watermark(&picture)).await;
    let mark = read.map_err(|error| Problem::internal(&error))??;
    let mut change = admin.origin.change(&caller.author()).await?;
    let put = change.put_watermark(&slug, &name, &mark).await?;
    change.commit().await?;
    let edge = admin.told(&[RecordName::Project(slug)]).await;
    Ok(Json(Changed { now: put.into(), edge }))
}
