//! `PUT /sources/{name}`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;

use super::shape::{Shown, Wanted};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Conflicting, Guarded, Judged, Named};
use crate::admin::{Answer, Shared};

/// Creates a source or replaces it; cached pictures of another place are not used then.
#[utoipa::path(
    put, path = "/sources/{name}", tag = "sources", request_body = Wanted,
    security(("bearer" = ["sources:write"]), ("cookie" = [])),
    params(("name" = String, Path, description = "the source's name, 1 to 32 of a-z 0-9 -")),
    responses((status = 200, description = "the source now", body = Shown), Bodied, Named, Conflicting, Judged, Guarded),
)]
pub(super) async fn put(
    State(admin): State<Shared>,
    caller: Caller,
    Input(name): Input<Name>,
    Body(wanted): Body<Wanted>,
) -> Answer<Json<Shown>> {
    caller.require(Permission::SourcesWrite)?;
    let (source, credentials) = wanted.checked(name.clone(), &admin.origin.config)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    let source = admin.origin.with_credentials(&mut change, source, credentials).await?;
    change.put_source(&source).await?;
    change.commit().await?;
    Ok(Json(admin.source(&name).await?.into()))
}
