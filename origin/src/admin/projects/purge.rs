//! `POST /projects/{slug}/purge`.

use axum::Json;
use axum::extract::State;
use sealpix::target::Slug;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::idempotency::IdempotencyKey;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Conflicting, Guarded, Judged, Named};
use crate::admin::{Answer, Shared};
use crate::registry::{RecordName, SourcePrefix};

/// What is to be purged.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Purge)]
pub(super) struct Wanted {
    /// Sources whose text begins with this: `@gallery`, `@gallery/albums/`, `https://cdn.example.com/photo.jpg`; 512 bytes
    /// at most in their canonical form. All of the project if not said.
    #[serde(default)]
    #[schema(max_length = 2_048)]
    source: Option<String>,
}

/// What has been emptied.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Emptied {
    /// The sources that were named.
    Source,
    /// The whole project: all was asked for, or 64 sources were purged one by one before, or its record has no room.
    Project,
}

/// A purge.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(super) struct Purged {
    /// The project's name.
    project: String,
    /// What was named, in canonical form.
    source: Option<String>,
    /// What has been emptied.
    emptied: Emptied,
    /// The new epoch, a part of the names in every cache: unix milliseconds, or one more than the last.
    epoch: u64,
}

/// Empties the caches of a project's pictures, or of those of some sources. Repeating it empties them again. The answer
/// waits up to 5 seconds for the edge.
#[utoipa::path(
    post, path = "/projects/{slug}/purge", tag = "projects", request_body = Wanted,
    security(("bearer" = ["purge"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same for every repetition of this request",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    responses(
        (status = 200, description = "the purge, committed", body = Changed<Purged>),
        Bodied, Named, Conflicting, Judged, Guarded
    ),
)]
pub(super) async fn purge(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
    idempotency: IdempotencyKey,
    Body(wanted): Body<Wanted>,
) -> Answer<Json<Changed<Purged>>> {
    caller.require(Permission::Purge)?;
    let prefix = wanted.source.as_deref().map(SourcePrefix::read).transpose()?;
    let again = idempotency.of(&caller, &format!("POST /projects/{slug}/purge"), &wanted)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    let purged = match again.earlier(&mut change, &admin.origin.vault).await? {
        Some(purged) => purged,
        None => {
            let done = change.purge(&slug, prefix.as_ref()).await?;
            let emptied = if done.is_whole { Emptied::Project } else { Emptied::Source };
            let source = prefix.map(|prefix| prefix.to_string());
            let purged = Purged { project: slug.to_string(), source, emptied, epoch: done.epoch };
            again.keep(&mut change, &admin.origin.vault, &purged).await?;
            change.commit().await?;
            purged
        }
    };
    let edge = admin.told(&[RecordName::Project(slug)]).await;
    Ok(Json(Changed { now: purged, edge }))
}
