//! Tables `projects` and `grants`.

use sealpix::operations::Name;
use sealpix::record::{Caching, Environment, Grant};
use sealpix::target::Slug;
use serde_json::json;

use super::database::{Row, values};
use super::{
    Change, Key, Project, ProjectError, Query, RecordName, Registry, RegistryError, StoredSource, Versioned, keys,
    next_version, outbox, parsed, purges, to_json,
};

/// What [`read`] reads, of the table as `p`. Grants and watermarks, `name:version` with commas between, and source epochs,
/// `epoch prefix` a line, are a part of the project's own statement, so that all are of one moment.
pub(super) const COLUMNS: &str = "p.slug, p.environment, p.referers, p.require_referer, p.sources, p.presets, \
     p.caching, p.epoch, p.version, p.key_defaults, (SELECT string_agg(s.name || ':' || CAST(s.version AS TEXT), ',') \
     FROM grants g JOIN sources s ON s.name = g.source WHERE g.project = p.slug), p.is_removed, \
     (SELECT string_agg(CAST(e.epoch AS TEXT) || ' ' || e.prefix, '\n') FROM source_epochs e WHERE e.project = p.slug), \
     (SELECT string_agg(w.name || ':' || CAST(w.version AS TEXT), ',') FROM watermarks w WHERE w.project = p.slug), p.fallback";

pub(super) async fn find(db: &mut impl Query, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
    Ok(find_any(db, slug).await?.filter(|(_, is_removed)| !is_removed).map(|(project, _)| project))
}

/// A project, or what is left of it, and whether it was removed.
async fn find_any(db: &mut impl Query, slug: &Slug) -> Result<Option<(Versioned<Project>, bool)>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM projects p WHERE p.slug = $1");
    let row = db.row(&sql, values![slug.as_str()]).await?;
    row.map(|row| Ok((read(&row)?, row.get(11)?))).transpose()
}

pub(super) fn read(row: &Row) -> Result<Versioned<Project>, RegistryError> {
    let value = Project {
        slug: row.parsed(0, "project", Slug::new)?,
        environment: row.json(1, "project's environment")?,
        referers: row.json(2, "project's referers")?,
        require_referer: row.get(3)?,
        sources: row.json(4, "project's sources")?,
        grants: parsed(read_grants(row.get::<Option<String>>(10)?.as_deref().unwrap_or_default()), "grant")?,
        presets: row.json(5, "project's presets")?,
        watermarks: parsed(read_grants(row.get::<Option<String>>(13)?.as_deref().unwrap_or_default()), "watermark")?,
        caching: row.json(6, "project's caching")?,
        fallback: row.json(14, "project's fallback")?,
        key_defaults: row.json(9, "project's defaults of keys")?,
        epoch: row.get(7)?,
        source_epochs: parsed(
            purges::read(row.get::<Option<String>>(12)?.as_deref().unwrap_or_default()),
            "source epoch",
        )?,
    };
    Ok(Versioned { value, version: row.get(8)? })
}

/// In the order of their names' bytes, whatever the database's order of text is.
fn read_grants(text: &str) -> Option<Vec<Grant>> {
    let grants = text.split(',').filter(|grant| !grant.is_empty()).map(|grant| {
        let (name, version) = grant.split_once(':')?;
        Some(Grant { name: Name::new(name)?, version: version.parse().ok()? })
    });
    let mut grants: Vec<Grant> = grants.collect::<Option<_>>()?;
    grants.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    Some(grants)
}

/// The names of the sources that a project may use, each once, in order.
fn granted(project: &Project) -> Vec<&str> {
    let mut names: Vec<&str> = project.grants.iter().map(|grant| grant.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A project as the audit log shows it.
fn described(project: &Project) -> serde_json::Value {
    json!({
        "environment": project.environment, "referers": project.referers, "require_referer": project.require_referer,
        "sources": project.sources, "grants": granted(project), "presets": project.presets,
        "caching": project.caching, "fallback": project.fallback, "key_defaults": project.key_defaults,
        "epoch": project.epoch,
    })
}

impl Registry {
    /// A project.
    pub async fn project(&self, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
        find(&mut self.reading(), slug).await
    }

    /// A project, or what is left of one that was removed: what the edge must hold.
    pub async fn project_for_edge(&self, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
        Ok(find_any(&mut self.reading(), slug).await?.map(|(project, _)| project))
    }

    /// All projects, in the order of their names' bytes.
    pub async fn projects(&self) -> Result<Vec<Project>, RegistryError> {
        let rows =
            self.database.read(&format!("SELECT {COLUMNS} FROM projects p WHERE p.is_removed = 0"), Vec::new()).await?;
        let mut projects: Vec<_> =
            rows.iter().map(|row| read(row).map(|project| project.value)).collect::<Result<_, _>>()?;
        projects.sort_by(|a, b| a.slug.as_str().cmp(b.slug.as_str()));
        Ok(projects)
    }
}

impl Change {
    /// A project as it stands in this change.
    pub async fn project(&mut self, slug: &Slug) -> Result<Versioned<Project>, RegistryError> {
        find(self, slug).await?.ok_or_else(|| RegistryError::Missing(format!("project {slug}")))
    }

    /// A project as it stands in this change, if there is one.
    pub async fn find_project(&mut self, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
        find(self, slug).await
    }

    /// Whether there is any project.
    pub async fn has_projects(&mut self) -> Result<bool, RegistryError> {
        Ok(self.row("SELECT 1 FROM projects LIMIT 1", Vec::new()).await?.is_some())
    }

    /// Makes the registry hold what is declared: creates or changes, leaves the rest alone.
    pub async fn apply(
        &mut self,
        sources: &[StoredSource],
        projects: &[Project],
        keys: &[Key],
    ) -> Result<(), RegistryError> {
        for source in sources {
            self.put_source(source).await?;
        }
        for project in projects {
            self.put_project(project).await?;
        }
        for key in keys {
            self.put_key(key).await?;
        }
        Ok(())
    }

    /// Creates the project, or changes it; an equal project keeps its version. Epochs only rise, and the purges of its
    /// sources stand, as its watermarks do. The versions of grants are the sources' own and no part of the project's row.
    pub async fn put_project(&mut self, project: &Project) -> Result<(), RegistryError> {
        let stored = find_any(self, &project.slug).await?;
        let was_removed = stored.as_ref().is_some_and(|(_, is_removed)| *is_removed);
        let stored = stored.map(|(stored, _)| stored);
        let mut wanted = project.clone();
        let mut version = self.now();
        if let Some(stored) = &stored {
            wanted.epoch = wanted.epoch.max(stored.value.epoch);
            wanted.grants.clone_from(&stored.value.grants);
            wanted.watermarks.clone_from(&stored.value.watermarks);
            wanted.source_epochs.clone_from(&stored.value.source_epochs);
            if !was_removed && wanted == stored.value && granted(project) == granted(&stored.value) {
                return Ok(());
            }
            version = next_version(stored.version, version);
            if !wanted.fits() {
                // It has grown, and there is no room for its purges of parts any more.
                wanted.purge(None, self.now());
                purges::store(self, &stored.value, &wanted).await?;
                if !wanted.fits() {
                    // What is written was checked without the watermarks that the project has.
                    return Err(RegistryError::Refused(ProjectError::TooLarge.to_string()));
                }
            }
        }
        let sql = "INSERT INTO projects (slug, environment, referers, require_referer, sources, presets, caching, \
                   epoch, version, key_defaults, fallback) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (slug) DO UPDATE SET \
                   environment = $2, referers = $3, require_referer = $4, sources = $5, presets = $6, caching = $7, \
                   epoch = $8, version = $9, key_defaults = $10, fallback = $11, is_removed = 0";
        let values = values![
            wanted.slug.as_str(),
            to_json(&wanted.environment)?,
            to_json(&wanted.referers)?,
            wanted.require_referer,
            to_json(&wanted.sources)?,
            to_json(&wanted.presets)?,
            to_json(&wanted.caching)?,
            wanted.epoch,
            version,
            to_json(&wanted.key_defaults)?,
            to_json(&wanted.fallback)?,
        ];
        self.execute(sql, values).await?;
        self.execute("DELETE FROM grants WHERE project = $1", values![wanted.slug.as_str()]).await?;
        for name in granted(project) {
            let exists = self.row("SELECT 1 FROM sources WHERE name = $1", values![name]).await?;
            exists.ok_or_else(|| RegistryError::Missing(format!("source @{name}")))?;
            let sql = "INSERT INTO grants (project, source) VALUES ($1, $2)";
            self.execute(sql, values![wanted.slug.as_str(), name]).await?;
        }
        outbox::queue(self, &RecordName::Project(wanted.slug.clone()), version).await?;
        let stored = stored.filter(|_| !was_removed);
        let action = if stored.is_some() { "project.change" } else { "project.create" };
        let before = stored.map(|stored| described(&stored.value));
        let after = described(&Project { grants: project.grants.clone(), ..wanted });
        self.note(action, format!("project {}", project.slug), before, Some(after));
        Ok(())
    }

    /// Removes a project none of whose keys is in use; all of them are revoked then. Its row stays, emptied, with a higher
    /// epoch and version: the edge is told, and a project made anew under the name begins above it.
    pub async fn remove_project(&mut self, slug: &Slug) -> Result<(), RegistryError> {
        let stored = self.project(slug).await?;
        let keys = keys::list(self, Some(slug)).await?;
        let now = self.now();
        if let Some(key) = keys.iter().find(|key| key.is_in_use(now / 1000)) {
            let reason = format!("project {slug} has a key in use, {}: revoke its keys first", key.public_key);
            return Err(RegistryError::Refused(reason));
        }
        for key in &keys {
            self.revoke_key(key.public_key).await?;
        }
        self.execute("DELETE FROM grants WHERE project = $1", values![slug.as_str()]).await?;
        self.execute("DELETE FROM watermarks WHERE project = $1", values![slug.as_str()]).await?;
        let version = next_version(stored.version, now);
        let sql = "UPDATE projects SET environment = $2, referers = '[]', require_referer = 0, sources = '[]', \
                   presets = '{}', caching = $3, key_defaults = '{}', fallback = 'null', epoch = $5, \
                   version = $4, is_removed = 1 \
                   WHERE slug = $1";
        let emptied = (to_json(&Environment::default())?, to_json(&Caching::default())?);
        let mut purged = stored.value.clone();
        let epoch = purged.purge(None, now).epoch;
        self.execute(sql, values![slug.as_str(), emptied.0, emptied.1, version, epoch]).await?;
        purges::store(self, &stored.value, &purged).await?;
        outbox::queue(self, &RecordName::Project(slug.clone()), version).await?;
        self.note("project.remove", format!("project {slug}"), Some(described(&stored.value)), None);
        Ok(())
    }

    /// Moves the version of every project that may use a source: their records say its version.
    pub(super) async fn touch_users_of(&mut self, source: &Name) -> Result<(), RegistryError> {
        let now = self.now();
        let sql = "UPDATE projects SET version = CASE WHEN version >= $2 THEN version + 1 ELSE $2 END \
                   WHERE slug IN (SELECT project FROM grants WHERE source = $1) RETURNING slug, version";
        for row in self.rows(sql, values![source.as_str(), now]).await? {
            let name = RecordName::Project(row.parsed(0, "project", Slug::new)?);
            outbox::queue(self, &name, row.get(1)?).await?;
        }
        Ok(())
    }
}
