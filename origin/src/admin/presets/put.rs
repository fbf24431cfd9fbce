//! `PUT /projects/{slug}/presets/{name}`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;
use sealpix::target::Slug;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Guarded, Judged, Named};
use crate::admin::{Answer, Shared};
use crate::registry::{RecordName, read_preset};

/// A preset to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPreset)]
pub(super) struct Wanted {
    /// Operations in any order and spelling, `_` for none; no preset and no list of widths.
    #[schema(min_length = 1, max_length = 2_000, example = "f_webp,w_400")]
    operations: String,
}

/// Creates or replaces a preset. The answer waits up to 5 seconds for the edge.
#[utoipa::path(
    put, path = "/projects/{slug}/presets/{name}", tag = "presets", request_body = Wanted,
    security(("bearer" = ["presets:write"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("name" = String, Path, description = "the preset's name, 1 to 32 of a-z 0-9 -")
    ),
    responses((status = 200, description = "the preset now", body = Changed<Shown>), Bodied, Named, Judged, Guarded),
)]
pub(super) async fn put(
    State(admin): State<Shared>,
    caller: Caller,
    Input((slug, name)): Input<(Slug, Name)>,
    Body(wanted): Body<Wanted>,
) -> Answer<Json<Changed<Shown>>> {
    caller.require(Permission::PresetsWrite)?;
    let preset = read_preset(&name, &wanted.operations)?;
    let shown = Shown::from(&preset);
    let mut change = admin.origin.change(&caller.author()).await?;
    let mut project = change.project(&slug).await?.value;
    project.presets.insert(name, preset);
    project.check()?;
    change.put_project(&project).await?;
    change.commit().await?;
    let edge = admin.told(&[RecordName::Project(slug)]).await;
    Ok(Json(Changed { now: shown, edge }))
}
