//! `DELETE /sources/{name}`.

use axum::extract::State;
use axum::http::StatusCode;
use sealpix::operations::Name;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Input;
use crate::admin::responses::{Conflicting, Guarded, Named};
use crate::admin::{Answer, Shared};

/// Deletes a source that no project may use.
#[utoipa::path(
    delete, path = "/sources/{name}", tag = "sources", security(("bearer" = ["sources:write"]), ("cookie" = [])),
    params(("name" = String, Path, description = "the source's name")),
    responses((status = 204, description = "it is gone"), Named, Conflicting, Guarded),
)]
pub(super) async fn remove(
    State(admin): State<Shared>,
    caller: Caller,
    Input(name): Input<Name>,
) -> Answer<StatusCode> {
    caller.require(Permission::SourcesWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    change.remove_source(&name).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
