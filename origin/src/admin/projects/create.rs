//! `POST /projects`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sealpix::operations::Name;
use sealpix::record::{Caching, Environment};
use sealpix::target::Slug;
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::{self, Changes, Shown};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::edge::Changed;
use crate::admin::input::Body;
use crate::admin::responses::{Bodied, Conflicting, Guarded, Judged};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::{KeyDefaults, Project, RecordName};

/// A new project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProject)]
pub(super) struct Wanted {
    /// Its name in URLs; not `api` or another word that is ours.
    #[schema(value_type = String, min_length = 3, max_length = 50, pattern = "^[a-z0-9][a-z0-9-]*[a-z0-9]$")]
    slug: Slug,
    /// What it is for; production if not said.
    #[serde(default)]
    environment: Option<shape::Environment>,
    /// Sites that may embed: `example.com`, `*.example.com`, `example.com:8443`; all if not said.
    #[serde(default)]
    #[schema(max_items = 1_000)]
    referers: Option<Vec<String>>,
    /// Refuse requests without a Referer, where there are referers.
    #[serde(default)]
    require_referer: Option<bool>,
    /// Hosts that may be fetched from, as referers, or with a path: `example.com/photos/`; none if not said.
    #[serde(default)]
    #[schema(max_items = 1_000)]
    sources: Option<Vec<String>>,
    /// Configured sources that it may use, by name.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 1_000)]
    grants: Option<Vec<Name>>,
    /// Operations by name, in any order and spelling.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    presets: Option<BTreeMap<Name, String>>,
    /// Its caching.
    #[serde(default)]
    caching: Option<shape::Caching>,
    /// What is shown in place of a picture whose source is missing; nothing if not said.
    #[serde(default)]
    fallback: Option<shape::Fallback>,
    /// What its new keys get where their maker says nothing.
    #[serde(default)]
    key_defaults: Option<shape::KeyDefaults>,
}

impl Wanted {
    /// Its name, and what is said of it.
    fn split(self) -> (Slug, Changes) {
        let Self {
            slug,
            environment,
            referers,
            require_referer,
            sources,
            grants,
            presets,
            caching,
            fallback,
            key_defaults,
        } = self;
        let caching = caching.and_then(|caching| serde_json::to_value(caching).ok());
        let fallback = fallback.and_then(|fallback| serde_json::to_value(fallback).ok());
        let key_defaults = key_defaults.and_then(|defaults| serde_json::to_value(defaults).ok());
        let said = Changes {
            environment,
            referers,
            require_referer,
            sources,
            grants,
            presets,
            caching,
            fallback,
            key_defaults,
        };
        (slug, said)
    }
}

/// A project of which nothing was said.
fn plain(slug: Slug) -> Project {
    Project {
        slug,
        environment: Environment::default(),
        referers: Vec::new(),
        require_referer: false,
        sources: Vec::new(),
        grants: Vec::new(),
        watermarks: Vec::new(),
        presets: BTreeMap::new(),
        caching: Caching::default(),
        fallback: None,
        key_defaults: KeyDefaults::default(),
        epoch: 0,
        source_epochs: Vec::new(),
    }
}

/// Creates a project. The answer waits up to 5 seconds for the edge.
#[utoipa::path(
    post, path = "/projects", tag = "projects", request_body = Wanted, security(("bearer" = ["projects:write"]), ("cookie" = [])),
    responses((status = 201, description = "the project", body = Changed<Shown>), Bodied, Conflicting, Judged, Guarded),
)]
pub(super) async fn create(
    State(admin): State<Shared>,
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Answer<(StatusCode, Json<Changed<Shown>>)> {
    caller.require(Permission::ProjectsWrite)?;
    let (slug, said) = wanted.split();
    let mut change = admin.origin.change(&caller.author()).await?;
    if change.find_project(&slug).await?.is_some() {
        return Err(Problem::exists(format!("project {slug} exists already")));
    }
    let project = said.made(plain(slug.clone()), &change.sources().await?)?;
    change.put_project(&project).await?;
    let made = change.project(&slug).await?;
    change.commit().await?;
    let edge = admin.told(&[RecordName::Project(slug)]).await;
    Ok((StatusCode::CREATED, Json(Changed { now: made.value.into(), edge })))
}
