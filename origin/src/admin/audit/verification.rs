//! `GET /audit/verification`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::responses::Guarded;
use crate::admin::{Answer, Shared};
use crate::registry::ChainVerdict;

/// What verification found: `first` and `last` where the log is intact, `broken_at` where it is not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditVerification {
    /// Whether every entry is as it was written.
    intact: bool,
    /// The first entry's number; one more than `last` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    /// The last entry's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
    /// The number of the first entry that was changed, removed or put in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<u64>,
}

impl From<ChainVerdict> for AuditVerification {
    fn from(verdict: ChainVerdict) -> Self {
        match verdict {
            ChainVerdict::Intact { first, last } => {
                Self { intact: true, first: Some(first), last: Some(last), broken_at: None }
            }
            ChainVerdict::Broken { at } => Self { intact: false, first: None, last: None, broken_at: Some(at) },
        }
    }
}

/// Verifies the whole audit log: every entry's hash against the one before it.
#[utoipa::path(
    get, path = "/audit/verification", tag = "audit", security(("bearer" = ["audit:read"]), ("cookie" = [])),
    responses((status = 200, description = "the verdict, also of a broken log", body = AuditVerification), Guarded),
)]
pub(super) async fn verification(State(admin): State<Shared>, caller: Caller) -> Answer<Json<AuditVerification>> {
    caller.require(Permission::AuditRead)?;
    Ok(Json(admin.origin.registry.verify_audit_log().await?.into()))
}
