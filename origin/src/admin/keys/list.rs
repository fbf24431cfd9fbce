//! `GET /projects/{slug}/keys`.

use axum::Json;
use axum::extract::State;
use sealpix::target::Slug;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Asked, Input};
use crate::admin::responses::{Asking, Guarded, Named};
use crate::admin::{Answer, Page, PageQuery, Problem, Shared};

/// Lists a project's keys, the oldest first; never their secrets.
#[utoipa::path(
    get, path = "/projects/{slug}/keys", tag = "keys", security(("bearer" = ["keys:read"]), ("cookie" = [])),
    params(("slug" = String, Path, description = "the project's name"), PageQuery),
    responses((status = 200, description = "a page of keys", body = Page<Shown>), Asking, Named, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::KeysRead)?;
    let registry = &admin.origin.registry;
    registry.project(&slug).await?.ok_or_else(|| Problem::missing(format!("project {slug}")))?;
    let keys = registry.keys(Some(&slug)).await?;
    let names: Vec<_> = keys.iter().map(|key| key.public_key).collect();
    let usage = registry.key_usage(&names, caller.now()).await?;
    let shown = keys.into_iter().map(|key| {
        let usage = usage.get(&key.public_key).copied().unwrap_or_default();
        Shown::of(key, usage)
    });
    page.of(shown.collect(), |key| key.public_key.clone()).map(Json)
}
