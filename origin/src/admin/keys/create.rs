//! `POST /projects/{slug}/keys`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sealpix::key::SecretKey;
use sealpix::target::Slug;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape::{LAST_SECOND, Limits, Policy, Shown, check_name};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::idempotency::{IdempotencyKey, Revealed};
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Conflicting, Guarded, Judged, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::keys::Draft;
use crate::registry::{Key, KeyDefaults, KeyUsage, RecordName, check_policy};

/// A new key.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
#[schema(as = NewKey)]
pub(super) struct Wanted {
    /// What to call it.
    #[schema(max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// Its last second, in unix seconds, in the future; none if not said.
    #[schema(maximum = 253_402_300_799_u64)]
    not_after: Option<u64>,
    /// Requests that it may make; the project's defaults if not said.
    limits: Option<Limits>,
    /// What it may sign; the project's defaults if not said.
    policy: Option<Policy>,
}

/// A new key, with its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = KeyWithSecret)]
pub(super) struct Made {
    /// The key.
    pub(super) key: Shown,
    /// Its secret half, shown this once.
    #[schema(value_type = String)]
    pub(super) secret_key: Revealed,
}

/// Creates a key of a project. Its secret is in this answer and in no other, but those of repetitions with the same
/// Idempotency-Key within 10 minutes. The answer waits up to 5 seconds for the edge.
#[utoipa::path(
    post, path = "/projects/{slug}/keys", tag = "keys", request_body = Wanted,
    security(("bearer" = ["keys:write"]), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "the project's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same for every repetition of this request",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$")
    ),
    responses(
        (status = 201, description = "the key and its secret", body = Changed<Made>),
        Bodied, Named, Conflicting, Judged, Guarded
    ),
)]
pub(super) async fn create(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
    idempotency: IdempotencyKey,
    Body(wanted): Body<Wanted>,
) -> Answer<(StatusCode, Json<Changed<Made>>)> {
    caller.require(Permission::KeysWrite)?;
    let again = idempotency.of(&caller, &format!("POST /projects/{slug}/keys"), &wanted)?;
    let origin = &admin.origin;
    let mut change = origin.change(&caller.author()).await?;
    let made = match again.earlier(&mut change, &origin.vault).await? {
        Some(made) => made,
        None => {
            let defaults = change.project(&slug).await?.value.key_defaults;
            let draft = wanted.drafted(slug, defaults, caller.now() / 1000)?;
            let (key, secret_key) = draft.mint(&origin.vault)?;
            change.add_key(&key).await?;
            let key = change.key(key.public_key).await?;
            let made = Made::of(key, &secret_key);
            again.keep(&mut change, &origin.vault, &made).await?;
            change.commit().await?;
            made
        }
    };
    let edge = admin.told(&made.records()).await;
    Ok((StatusCode::CREATED, Json(Changed { now: made, edge })))
}

impl Wanted {
    /// The key to be made.
    fn drafted(self, project: Slug, defaults: KeyDefaults, now_secs: u64) -> Result<Draft, Problem> {
        check_name(&self.name)?;
        if self.not_after.is_some_and(|last| !(now_secs..=LAST_SECOND).contains(&last)) {
            return Err(Problem::unfit("not_after_past", "not_after has passed, or is beyond the year 9999"));
        }
        let limits = self.limits.map_or(defaults.limits, Into::into);
        let policy = self.policy.map_or(defaults.policy, Into::into);
        check_policy(&policy)?;
        Ok(Draft { project, name: self.name, not_after: self.not_after, limits, policy })
    }
}

impl Made {
    pub(super) fn of(key: Key, secret_key: &SecretKey) -> Self {
        Self { key: Shown::of(key, KeyUsage::default()), secret_key: Revealed(secret_key.reveal()) }
    }

    /// What the edge must have.
    pub(super) fn records(&self) -> Vec<RecordName> {
        RecordName::parse(&format!("key:{}", self.key.public_key)).into_iter().collect()
    }
}
