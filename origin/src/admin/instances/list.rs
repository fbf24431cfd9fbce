//! `GET /instances`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Shared};
use crate::registry::Instance;

/// An origin that runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Instance)]
pub(super) struct Shown {
    /// Its id, new with each start.
    id: String,
    /// The machine it runs on.
    host: String,
    /// Its version.
    version: String,
    /// When it started, in unix milliseconds.
    started_at: u64,
    /// When it was last seen, in unix milliseconds.
    seen_at: u64,
}

impl From<Instance> for Shown {
    fn from(instance: Instance) -> Self {
        let Instance { id, host, version, started_at, seen_at } = instance;
        Self { id, host, version, started_at, seen_at }
    }
}

/// Lists the instances that are alive, the oldest first.
#[utoipa::path(
    get, path = "/instances", tag = "license", params(PageQuery), security(("bearer" = ["instances:read"]), ("cookie" = [])),
    responses((status = 200, description = "a page of instances", body = Page<Shown>), Asking, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::InstancesRead)?;
    let instances = admin.origin.registry.instances(caller.now()).await?;
    page.of(instances.into_iter().map(Shown::from).collect(), |instance: &Shown| instance.id.clone()).map(Json)
}
