//! `POST /sources`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sealpix::operations::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::{CredentialsShape, Kind, Shown, Wanted};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Body;
use crate::admin::responses::{Bodied, Conflicting, Guarded, Judged};
use crate::admin::{Answer, Problem, Shared};
use crate::origin::CredentialsGiven;

/// A new source.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSource)]
pub(super) struct New {
    /// Its name, after the `@`.
    #[schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[a-z0-9-]+$")]
    name: Name,
    /// What it is.
    kind: Kind,
    /// A folder's absolute path, `https://host/path` without a query, or
    /// `s3://bucket/prefix?region=…&endpoint=https://…&style=path|virtual`.
    #[schema(min_length = 1, max_length = 2_000, example = "https://assets.example.com/photos")]
    location: String,
    /// What a bucket is asked with; without, the storage is asked unsigned.
    #[serde(default)]
    #[schema(value_type = Option<CredentialsShape>)]
    credentials: CredentialsGiven,
}

/// Creates a source. Projects use it once it is granted to them.
#[utoipa::path(
    post, path = "/sources", tag = "sources", request_body = New,
    security(("bearer" = ["sources:write"]), ("cookie" = [])),
    responses((status = 201, description = "the source", body = Shown), Bodied, Conflicting, Judged, Guarded),
)]
pub(super) async fn create(
    State(admin): State<Shared>,
    caller: Caller,
    Body(New { name, kind, location, credentials }): Body<New>,
) -> Answer<(StatusCode, Json<Shown>)> {
    caller.require(Permission::SourcesWrite)?;
    let wanted = Wanted { kind, location, credentials };
    let (source, credentials) = wanted.checked(name.clone(), &admin.origin.config)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    if change.sources().await?.iter().any(|held| held.name == name) {
        return Err(Problem::exists(format!("source @{name} exists already")));
    }
    let source = admin.origin.with_credentials(&mut change, source, credentials).await?;
    change.put_source(&source).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(admin.source(&name).await?.into())))
}
