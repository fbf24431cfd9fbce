//! `GET /projects`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::{Answer, Page, PageQuery, ProblemBody, Shared};
use crate::registry::Project;

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(super) struct Shown {
    /// Its name in URLs.
    #[schema(example = "my-app")]
    slug: String,
}

impl From<Project> for Shown {
    fn from(project: Project) -> Self {
        Self { slug: project.slug.to_string() }
    }
}

/// Lists projects, by name.
#[utoipa::path(
    get, path = "/projects", tag = "projects", params(PageQuery), security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Page<Shown>), (status = "4XX", body = ProblemBody), (status = "5XX", body = ProblemBody)),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::ProjectsRead)?;
    let projects = admin.origin.registry.projects().await?;
    page.of(projects.into_iter().map(Shown::from).collect(), |project| project.slug.clone()).map(Json)
}
