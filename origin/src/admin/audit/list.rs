//! `GET /audit`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};
use crate::registry::{AuditEntry, AuditFilter};

/// Which entries: all that are given must hold.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// The action, or its beginning up to a dot: `key` finds `key.rotate`.
    #[param(example = "key.rotate")]
    action: Option<String>,
    /// A part of the actor.
    actor: Option<String>,
    /// The target, whole.
    #[param(example = "project my-app")]
    target: Option<String>,
    /// From this time on, in unix milliseconds.
    from: Option<u64>,
    /// Before this time, in unix milliseconds.
    until: Option<u64>,
}

impl From<Filter> for AuditFilter {
    fn from(filter: Filter) -> Self {
        let Filter { action, actor, target, from, until } = filter;
        Self { action, actor, target, from, until }
    }
}

/// Lists the audit log, the newest entries first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(Filter, PageQuery), security(("bearer" = ["audit:read"]), ("cookie" = [])),
    responses((status = 200, description = "a page of entries", body = Page<AuditEntry>), Asking, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<AuditEntry>>> {
    caller.require(Permission::AuditRead)?;
    let (before, most) = (page.cursor()?, page.limit()? + 1);
    let entries = admin.origin.registry.audit_log(&filter.into(), before, most).await?;
    page.cut(entries, |entry| entry.seq.to_string()).map(Json)
}
