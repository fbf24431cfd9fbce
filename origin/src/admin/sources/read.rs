//! `GET /sources/{name}`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;

use super::shape::Shown;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Guarded, Named};
use crate::admin::{Admin, Answer, Problem, Shared};
use crate::registry::StoredSource;

/// Shows a source.
#[utoipa::path(
    get, path = "/sources/{name}", tag = "sources", security(("bearer" = ["sources:read"]), ("cookie" = [])),
    params(("name" = String, Path, description = "the source's name")),
    responses((status = 200, description = "the source", body = Shown), Named, Guarded),
)]
pub(super) async fn read(State(admin): State<Shared>, caller: Caller, Input(name): Input<Name>) -> Answer<Json<Shown>> {
    caller.require(Permission::SourcesRead)?;
    admin.source(&name).await.map(|source| Json(source.into()))
}

impl Admin {
    /// A configured source.
    pub(super) async fn source(&self, name: &Name) -> Answer<StoredSource> {
        let found = self.origin.registry.sources().await?.into_iter().find(|source| source.name == *name);
        found.ok_or_else(|| Problem::missing(format!("source @{name}")))
    }
}
