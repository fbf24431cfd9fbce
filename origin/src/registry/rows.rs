//! Rows as every database holds them, and the decisions that no database makes: what a row says, whether a change
//! is one, and which version it makes.

use sealpix::key::PublicKey;
use sealpix::operations::Name;
use sealpix::record::{Grant, KeyState};
use sealpix::target::Slug;

use super::{Cell, EdgeLink, Key, Project, RegistryError, SourceKind, StoredSource, Versioned};

/// The columns of a [`KeyRow`], in its order.
pub(super) const KEY_COLUMNS: [&str; 11] = [
    "public_key",
    "project",
    "name",
    "secret_cell",
    "cell_version",
    "state",
    "not_after",
    "limits",
    "policy",
    "version",
    "created_at",
];

/// The columns of a [`ProjectRow`], in its order, without its grants.
pub(super) const PROJECT_COLUMNS: [&str; 9] =
    ["slug", "environment", "referers", "require_referer", "sources", "presets", "caching", "epoch", "version"];

/// The setting whose cell tells a wrong master secret from a damaged cell.
pub(super) const CHECK: &str = "vault.check";

/// A row of `api_keys`.
pub(super) struct KeyRow {
    pub(super) public_key: String,
    pub(super) project: String,
    pub(super) name: String,
    pub(super) sealed: String,
    pub(super) cell_version: i64,
    pub(super) state: String,
    pub(super) not_after: Option<i64>,
    pub(super) limits: String,
    pub(super) policy: String,
    pub(super) version: i64,
    pub(super) created_at: i64,
}

impl KeyRow {
    pub(super) fn of(key: &Key) -> Result<Self, RegistryError> {
        let state = match key.state {
            KeyState::Active => "active",
            KeyState::Revoked => "revoked",
        };
        Ok(Self {
            public_key: key.public_key.to_string(),
            project: key.project.to_string(),
            name: key.name.clone(),
            sealed: key.secret.sealed.clone(),
            cell_version: signed(key.secret.version),
            state: state.to_owned(),
            not_after: key.not_after.map(signed),
            limits: to_json(&key.limits)?,
            policy: to_json(&key.policy)?,
            version: signed(key.version),
            created_at: signed(key.created_at),
        })
    }

    pub(super) fn key(self) -> Result<Key, RegistryError> {
        Ok(Key {
            public_key: parsed(PublicKey::parse(&self.public_key).ok(), "key")?,
            project: parsed(Slug::new(&self.project), "key's project")?,
            name: self.name,
            secret: Cell {
                table: "api_keys",
                row: self.public_key,
                column: "secret_cell",
                version: unsigned(self.cell_version),
                sealed: self.sealed,
            },
            state: match self.state.as_str() {
                "active" => KeyState::Active,
                "revoked" => KeyState::Revoked,
                _ => return Err(RegistryError::Unreadable("key's state".to_owned())),
            },
            not_after: self.not_after.map(unsigned),
            limits: json(&self.limits, "key's limits")?,
            policy: json(&self.policy, "key's policy")?,
            version: unsigned(self.version),
            created_at: unsigned(self.created_at),
        })
    }
}

/// What must be written so that the stored key becomes the wanted one; nothing where it is that already.
pub(super) fn changed_key(stored: &Key, wanted: &Key, now_millis: u64) -> Result<Option<Key>, RegistryError> {
    let wanted = wanted.clone().changing(stored)?;
    Ok((wanted != *stored).then(|| Key { version: next_version(stored.version, now_millis), ..wanted }))
}

/// A row of `projects`.
pub(super) struct ProjectRow {
    pub(super) slug: String,
    pub(super) environment: String,
    pub(super) referers: String,
    pub(super) require_referer: bool,
    pub(super) sources: String,
    pub(super) presets: String,
    pub(super) caching: String,
    pub(super) epoch: i64,
    pub(super) version: i64,
}

impl ProjectRow {
    fn of(project: &Project, version: u64) -> Result<Self, RegistryError> {
        Ok(Self {
            slug: project.slug.to_string(),
            environment: to_json(&project.environment)?,
            referers: to_json(&project.referers)?,
            require_referer: project.require_referer,
            sources: to_json(&project.sources)?,
            presets: to_json(&project.presets)?,
            caching: to_json(&project.caching)?,
            epoch: signed(project.epoch),
            version: signed(version),
        })
    }

    /// The project, with its grants: each a source's name and version.
    pub(super) fn project(
        self,
        grants: impl IntoIterator<Item = (String, i64)>,
    ) -> Result<Versioned<Project>, RegistryError> {
        let grants = grants
            .into_iter()
            .map(|(name, version)| Ok(Grant { name: parsed(Name::new(&name), "grant")?, version: unsigned(version) }));
        let value = Project {
            slug: parsed(Slug::new(&self.slug), "project")?,
            environment: json(&self.environment, "project's environment")?,
            referers: json(&self.referers, "project's referers")?,
            require_referer: self.require_referer,
            sources: json(&self.sources, "project's sources")?,
            grants: grants.collect::<Result<_, RegistryError>>()?,
            presets: json(&self.presets, "project's presets")?,
            caching: json(&self.caching, "project's caching")?,
            epoch: unsigned(self.epoch),
        };
        Ok(Versioned { value, version: unsigned(self.version) })
    }
}

/// A project to write: its row, and the names of the sources that it may use.
pub(super) struct ProjectChange {
    pub(super) row: ProjectRow,
    pub(super) grants: Vec<String>,
}

/// What must be written so that the stored project becomes the wanted one; nothing where it is that already. Epochs
/// only rise. The versions of grants are the sources' own and no part of the project's row.
pub(super) fn changed_project(
    stored: Option<&Versioned<Project>>,
    wanted: &Project,
    now_millis: u64,
) -> Result<Option<ProjectChange>, RegistryError> {
    let grants = granted(wanted);
    let mut wanted = Project { grants: Vec::new(), ..wanted.clone() };
    let mut version = now_millis;
    if let Some(stored) = stored {
        wanted.epoch = wanted.epoch.max(stored.value.epoch);
        let held = Project { grants: Vec::new(), ..stored.value.clone() };
        if held == wanted && granted(&stored.value) == grants {
            return Ok(None);
        }
        version = next_version(stored.version, now_millis);
    }
    Ok(Some(ProjectChange { row: ProjectRow::of(&wanted, version)?, grants }))
}

fn granted(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = project.grants.iter().map(|grant| grant.name.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A row of `sources`.
pub(super) struct SourceRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) location: String,
    pub(super) version: i64,
}

impl SourceRow {
    pub(super) fn source(self) -> Result<StoredSource, RegistryError> {
        let kind = match self.kind.as_str() {
            "file" => SourceKind::File,
            "http" => SourceKind::Http,
            _ => return Err(RegistryError::Unreadable("source's kind".to_owned())),
        };
        let name = parsed(Name::new(&self.name), "source")?;
        Ok(StoredSource { name, kind, location: self.location, version: unsigned(self.version) })
    }
}

/// What must be written so that the stored source becomes the wanted one; nothing where it is that already, so that
/// its cached pictures stay.
pub(super) fn changed_source(
    stored: Option<&StoredSource>,
    wanted: &StoredSource,
    now_millis: u64,
) -> Option<StoredSource> {
    let previous = stored.map_or(0, |stored| stored.version);
    let stands = stored.is_some_and(|stored| StoredSource { version: previous, ..wanted.clone() } == *stored);
    (!stands).then(|| StoredSource { version: next_version(previous, now_millis), ..wanted.clone() })
}

/// A row of `edge_links`.
pub(super) struct LinkRow {
    pub(super) id: String,
    pub(super) sealed: String,
    pub(super) cell_version: i64,
    pub(super) is_current: bool,
    pub(super) created_at: i64,
}

impl LinkRow {
    pub(super) fn link(self) -> EdgeLink {
        let secret = Cell {
            table: "edge_links",
            row: self.id.clone(),
            column: "secret_cell",
            version: unsigned(self.cell_version),
            sealed: self.sealed,
        };
        EdgeLink { id: self.id, secret, is_current: self.is_current, created_at: unsigned(self.created_at) }
    }
}

/// The cell of the setting [`CHECK`].
pub(super) fn check_cell(sealed: String, version: i64) -> Cell {
    Cell { table: "settings", row: CHECK.to_owned(), column: "value_cell", version: unsigned(version), sealed }
}

/// Columns for a query; each behind `prefix`, such as `k.`.
pub(super) fn columns(names: &[&str], prefix: &str) -> String {
    names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ")
}

/// The databases' integers are signed; ours fit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The next version of a record: it rises even where the clock does not.
fn next_version(previous: u64, now_millis: u64) -> u64 {
    now_millis.max(previous + 1)
}

/// Text of a column into its type, or an error that names what cannot be read.
pub(super) fn parsed<T>(value: Option<T>, what: &str) -> Result<T, RegistryError> {
    value.ok_or_else(|| RegistryError::Unreadable(what.to_owned()))
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, RegistryError> {
    parsed(serde_json::from_str(text).ok(), what)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, RegistryError> {
    serde_json::to_string(value).map_err(|error| RegistryError::Database(error.to_string()))
}
