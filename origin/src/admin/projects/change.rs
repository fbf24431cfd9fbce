//! `PATCH /projects/{slug}`.

use axum::Json;
use axum::extract::State;
use sealpix::target::Slug;

use super::shape::{Caching, Changes, Fallback, KeyDefaults, Shown};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::input::{Body, Input, merged};
use crate::admin::responses::{Bodied, Guarded, Judged, Named};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::{
    Project, ProjectError, RecordName, StoredSource, normalise_referer, normalise_source, read_grants, read_preset,
};

impl Changes {
    /// `project` with these changes, checked.
    pub(super) fn made(self, mut project: Project, known_sources: &[StoredSource]) -> Result<Project, Problem> {
        if let Some(environment) = self.environment {
            project.environment = environment.into();
        }
        if let Some(rules) = self.referers {
            let rules = rules.iter().map(|rule| normalise_referer(rule, project.environment));
            project.referers = rules.collect::<Result<_, _>>()?;
        }
        if let Some(rules) = self.sources {
            project.sources = rules.iter().map(|rule| normalise_source(rule)).collect::<Result<_, _>>()?;
        }
        if let Some(names) = self.grants {
            project.grants = read_grants(&names, known_sources)?;
        }
        if let Some(presets) = self.presets {
            let presets =
                presets.into_iter().map(|(name, text)| read_preset(&name, &text).map(|preset| (name, preset)));
            project.presets = presets.collect::<Result<_, _>>()?;
        }
        project.require_referer = self.require_referer.unwrap_or(project.require_referer);
        project.caching = merged(Caching::from(project.caching), self.caching)?.into();
        let fallback = merged(project.fallback.map(Fallback::from), self.fallback)?;
        project.fallback = fallback.map(TryInto::try_into).transpose().map_err(ProjectError::from)?;
        project.key_defaults = merged(KeyDefaults::from(project.key_defaults), self.key_defaults)?.into();
        project.check()?;
        Ok(project)
    }
}

/// Changes what the body names, and nothing else. The answer waits up to 5 seconds for the edge.
#[utoipa::path(
    patch, path = "/projects/{slug}", tag = "projects", request_body = Changes,
    params(("slug" = String, Path, description = "the project's name")), security(("bearer" = ["projects:write"]), ("cookie" = [])),
    responses((status = 200, description = "the project now", body = Changed<Shown>), Bodied, Named, Judged, Guarded),
)]
pub(super) async fn change(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
    Body(changes): Body<Changes>,
) -> Answer<Json<Changed<Shown>>> {
    caller.require(Permission::ProjectsWrite)?;
    let mut change = admin.origin.change(&caller.author()).await?;
    let stored = change.project(&slug).await?;
    let project = changes.made(stored.value, &change.sources().await?)?;
    change.put_project(&project).await?;
    let now = change.project(&slug).await?;
    change.commit().await?;
    let edge = admin.told(&[RecordName::Project(slug)]).await;
    Ok(Json(Changed { now: now.value.into(), edge }))
}
