//! `POST /keys/{public_key}/rotate`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sealpix::key::PublicKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::create::Made;
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::idempotency::IdempotencyKey;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Conflicting, Guarded, Named};
use crate::admin::{Answer, Shared};
use crate::keys::{self, Draft};
use crate::registry::RecordName;

/// How long the old key still verifies.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
enum Grace {
    /// Not at all: it stops the moment the new one exists.
    #[serde(rename = "0")]
    None,
    /// 15 minutes.
    #[serde(rename = "15m")]
    Minutes15,
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// 6 hours.
    #[serde(rename = "6h")]
    Hours6,
    /// A day.
    #[serde(rename = "24h")]
    Day,
}

impl From<Grace> for keys::Grace {
    fn from(grace: Grace) -> Self {
        let place = match grace {
            Grace::None => 0,
            Grace::Minutes15 => 1,
            Grace::Hour => 2,
            Grace::Hours6 => 3,
            Grace::Day => 4,
        };
        Self::ALL[place]
    }
}

/// A rotation.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rotation)]
pub(super) struct Wanted {
    /// How long the old key still verifies.
    grace: Grace,
}

/// Replaces a key by a new one with the same name, limits and policy, in one transaction. The new secret is in this
/// answer and in no other, but those of repetitions with the same Idempotency-Key within 10 minutes. The answer waits up
/// to 5 seconds for the edge.
#[utoipa::path(
    post, path = "/keys/{public_key}/rotate", tag = "keys", request_body = Wanted,
    security(("bearer" = ["keys:write"]), ("cookie" = [])),
    params(
        ("public_key" = String, Path, description = "the old public key, pk_…"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same for every repetition of this request",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    responses(
        (status = 201, description = "the new key and its secret", body = Changed<Made>),
        Bodied, Named, Conflicting, Guarded
    ),
)]
pub(super) async fn rotate(
    State(admin): State<Shared>,
    caller: Caller,
    Input(old): Input<PublicKey>,
    idempotency: IdempotencyKey,
    Body(wanted): Body<Wanted>,
) -> Answer<(StatusCode, Json<Changed<Made>>)> {
    caller.require(Permission::KeysWrite)?;
    let again = idempotency.of(&caller, &format!("POST /keys/{old}/rotate"), &wanted)?;
    let origin = &admin.origin;
    let mut change = origin.change(&caller.author()).await?;
    let made = match again.earlier(&mut change, &origin.vault).await? {
        Some(made) => made,
        None => {
            let held = change.key(old).await?;
            let (new, secret_key) = Draft::replacing(&held).mint(&origin.vault)?;
            let last = keys::Grace::from(wanted.grace).last_second(caller.now() / 1000);
            change.rotate_key(old, last, &new).await?;
            let key = change.key(new.public_key).await?;
            let made = Made::of(key, &secret_key);
            again.keep(&mut change, &origin.vault, &made).await?;
            change.commit().await?;
            made
        }
    };
    let names = [vec![RecordName::Key(old)], made.records()].concat();
    let edge = admin.told(&names).await;
    Ok((StatusCode::CREATED, Json(Changed { now: made, edge })))
}
