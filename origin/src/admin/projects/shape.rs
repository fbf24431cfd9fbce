//! Projects as the API shows and takes them.

use std::collections::BTreeMap;

use sealpix::operations::Name;
use sealpix::record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::keys::shape::{Limits, Policy};
use crate::registry::{self, FallbackDeclared, FallbackError, Project};

/// What a project is for: production and staging fetch nothing that no rule allows; only development's referers may be
/// local.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum Environment {
    /// Live.
    #[default]
    Production,
    /// As production.
    Staging,
    /// A developer's.
    Development,
}

impl From<record::Environment> for Environment {
    fn from(environment: record::Environment) -> Self {
        match environment {
            record::Environment::Production => Self::Production,
            record::Environment::Staging => Self::Staging,
            record::Environment::Development => Self::Development,
        }
    }
}

impl From<Environment> for record::Environment {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Production => Self::Production,
            Environment::Staging => Self::Staging,
            Environment::Development => Self::Development,
        }
    }
}

/// How long, and where, pictures may be cached.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(default)]
pub(in crate::admin) struct Caching {
    /// Seconds that a picture is fresh.
    #[schema(format = "int64", maximum = 4_294_967_295_u32)]
    ttl_secs: u32,
    /// Let shared caches behind the edge keep answers; not together with referers.
    public: bool,
}

impl Default for Caching {
    fn default() -> Self {
        record::Caching::default().into()
    }
}

impl From<record::Caching> for Caching {
    fn from(record::Caching { ttl_secs, public }: record::Caching) -> Self {
        Self { ttl_secs, public }
    }
}

impl From<Caching> for record::Caching {
    fn from(Caching { ttl_secs, public }: Caching) -> Self {
        Self { ttl_secs, public }
    }
}

/// The picture that is shown, with status 404, in place of one whose source is missing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Fallback {
    /// Where it is, as in `POST /sign`; the project's sources and grants must admit it.
    #[schema(max_length = 2_048, example = "@gallery/missing.png")]
    source: String,
    /// Seconds that it may be kept; 60 if not said.
    #[serde(default = "fallback_ttl_secs")]
    #[schema(format = "int64", minimum = 1, maximum = 86_400, default = fallback_ttl_secs)]
    ttl_secs: u32,
}

fn fallback_ttl_secs() -> u32 {
    registry::FALLBACK_TTL_SECS
}

impl From<registry::Fallback> for Fallback {
    fn from(fallback: registry::Fallback) -> Self {
        let FallbackDeclared { source, ttl_secs } = fallback.into();
        Self { source, ttl_secs }
    }
}

impl TryFrom<Fallback> for registry::Fallback {
    type Error = FallbackError;

    fn try_from(Fallback { source, ttl_secs }: Fallback) -> Result<Self, FallbackError> {
        FallbackDeclared { source, ttl_secs }.try_into()
    }
}

/// What new keys get where their maker says nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(default)]
pub(in crate::admin) struct KeyDefaults {
    /// Requests a minute and a day.
    limits: Limits,
    /// What they may sign.
    policy: Policy,
}

impl From<registry::KeyDefaults> for KeyDefaults {
    fn from(registry::KeyDefaults { limits, policy }: registry::KeyDefaults) -> Self {
        Self { limits: limits.into(), policy: policy.into() }
    }
}

impl From<KeyDefaults> for registry::KeyDefaults {
    fn from(KeyDefaults { limits, policy }: KeyDefaults) -> Self {
        Self { limits: limits.into(), policy: policy.into() }
    }
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(in crate::admin) struct Shown {
    /// Its name in URLs.
    #[schema(example = "my-app")]
    pub(super) slug: String,
    /// What it is for.
    environment: Environment,
    /// Sites that may embed, in normal form; none admits all.
    referers: Vec<String>,
    /// Refuse requests without a Referer, where there are referers.
    require_referer: bool,
    /// Hosts that may be fetched from, in normal form.
    sources: Vec<String>,
    /// Configured sources that it may use, by name.
    grants: Vec<String>,
    /// Operations by name, in canonical form.
    presets: BTreeMap<String, String>,
    /// Its caching.
    caching: Caching,
    /// What is shown in place of a picture whose source is missing.
    fallback: Option<Fallback>,
    /// What its new keys get where their maker says nothing.
    key_defaults: KeyDefaults,
    /// Moves when all of it is purged.
    epoch: u64,
}

impl From<Project> for Shown {
    fn from(project: Project) -> Self {
        Self {
            slug: project.slug.to_string(),
            environment: project.environment.into(),
            referers: project.referers.iter().map(ToString::to_string).collect(),
            require_referer: project.require_referer,
            sources: project.sources.iter().map(ToString::to_string).collect(),
            grants: project.grants.iter().map(|grant| grant.name.to_string()).collect(),
            presets: project.presets.iter().map(|(name, preset)| (name.to_string(), preset.to_string())).collect(),
            caching: project.caching.into(),
            fallback: project.fallback.map(Fallback::from),
            key_defaults: project.key_defaults.into(),
            epoch: project.epoch,
        }
    }
}

/// The parts of a project that may be said in a request; what is not said is as it was, or as by default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ProjectChanges)]
pub(in crate::admin) struct Changes {
    /// What it is for.
    pub(super) environment: Option<Environment>,
    /// Sites that may embed: `example.com`, `*.example.com`, `example.com:8443`.
    #[schema(max_items = 1_000)]
    pub(super) referers: Option<Vec<String>>,
    /// Refuse requests without a Referer, where there are referers.
    pub(super) require_referer: Option<bool>,
    /// Hosts that may be fetched from, as referers, or with a path: `example.com/photos/`.
    #[schema(max_items = 1_000)]
    pub(super) sources: Option<Vec<String>>,
    /// Configured sources that it may use, by name.
    #[schema(value_type = Option<Vec<String>>, max_items = 1_000)]
    pub(super) grants: Option<Vec<Name>>,
    /// Operations by name, in any order and spelling.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub(super) presets: Option<BTreeMap<Name, String>>,
    /// Its caching.
    #[schema(value_type = Option<Caching>)]
    pub(super) caching: Option<serde_json::Value>,
    /// What is shown in place of a picture whose source is missing; null for nothing.
    #[serde(deserialize_with = "said")]
    #[schema(value_type = Option<Fallback>)]
    pub(super) fallback: Option<serde_json::Value>,
    /// What its new keys get where their maker says nothing.
    #[schema(value_type = Option<KeyDefaults>)]
    pub(super) key_defaults: Option<serde_json::Value>,
}

/// A field that is there, also where it is null.
fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}
