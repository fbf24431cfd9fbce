//! `GET /license`, and what is shown of a licence.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::responses::Guarded;
use crate::admin::{Admin, Answer, Problem, Shared};
use crate::license::{License, instance_limit};
use crate::origin::LicenseState;

/// How it stands with the licence. Its own fields are those that the vendor signed, also where it counts no more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = License)]
pub(super) struct Shown {
    /// `valid`, `none`, `no_public_key`, `license_expired`, `license_not_yet_valid`, `license_malformed` or
    /// `license_signature`: only a valid one counts.
    state: &'static str,
    /// The vendor's name for it.
    id: Option<String>,
    /// Whom it was issued to.
    holder: Option<String>,
    /// When, in unix seconds.
    issued_at: Option<u64>,
    /// Its end, in unix seconds.
    expires_at: Option<u64>,
    /// What it opens.
    features: Vec<String>,
    /// Instances that it allows.
    max_instances: Option<u32>,
    /// Instances that may run now, with this licence or without.
    instance_limit: u32,
}

impl Shown {
    pub(super) async fn now(admin: &Admin) -> Result<Self, Problem> {
        let state = admin.origin.license_state().await?;
        let in_force = match &state {
            LicenseState::Valid(license) => Some(license),
            _ => None,
        };
        let instance_limit = instance_limit(in_force);
        let License { id, holder, issued_at, expires_at, features, max_instances } = match state.license() {
            Some(license) => license.clone(),
            None => return Ok(Self { instance_limit, ..Self::none(state.code()) }),
        };
        Ok(Self {
            state: state.code(),
            id: Some(id),
            holder: Some(holder),
            issued_at: Some(issued_at),
            expires_at: Some(expires_at),
            features,
            max_instances: Some(max_instances),
            instance_limit,
        })
    }

    fn none(state: &'static str) -> Self {
        Self {
            state,
            id: None,
            holder: None,
            issued_at: None,
            expires_at: None,
            features: Vec::new(),
            max_instances: None,
            instance_limit: 0,
        }
    }
}

/// Shows how it stands with the licence.
#[utoipa::path(
    get, path = "/license", tag = "license", security(("bearer" = ["license:read"]), ("cookie" = [])),
    responses((status = 200, description = "the licence", body = Shown), Guarded),
)]
pub(super) async fn show(State(admin): State<Shared>, caller: Caller) -> Answer<Json<Shown>> {
    caller.require(Permission::LicenseRead)?;
    Shown::now(&admin).await.map(Json)
}
