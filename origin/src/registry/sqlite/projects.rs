//! Tables `projects` and `grants`.

use rusqlite::{OptionalExtension as _, Row, Transaction, named_params, params};
use sealpix::operations::Name;
use sealpix::record::Grant;
use sealpix::target::Slug;

use super::{json, next_version, outbox, parsed, signed, to_json, unsigned};
use crate::registry::{Project, RecordName, RegistryError, Versioned};

const COLUMNS: &str = "slug, environment, referers, require_referer, sources, presets, caching, epoch, version";

pub(super) fn find(db: &Transaction<'_>, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM projects WHERE slug = ?1");
    let row = db.prepare_cached(&sql)?.query_row([slug.as_str()], read).optional()?;
    let Some(mut project) = row.transpose()? else {
        return Ok(None);
    };
    project.value.grants = grants(db, slug)?;
    Ok(Some(project))
}

pub(super) fn list(db: &Transaction<'_>) -> Result<Vec<Project>, RegistryError> {
    let mut statement = db.prepare_cached("SELECT slug FROM projects ORDER BY slug")?;
    let slugs: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let found = slugs.iter().map(|slug| {
        let slug = parsed(Slug::new(slug), "project")?;
        parsed(find(db, &slug)?, "project").map(|found| found.value)
    });
    found.collect()
}

/// Creates the project, or changes it; an equal project keeps its version. Epochs only rise.
pub(super) fn put(db: &Transaction<'_>, project: &Project, now_millis: u64) -> Result<(), RegistryError> {
    let stored = find(db, &project.slug)?;
    // The grants' versions are the sources', as they stand now.
    let named: Vec<&str> = project.grants.iter().map(|grant| grant.name.as_str()).collect();
    db.execute("DELETE FROM grants WHERE project = ?1", [project.slug.as_str()])?;
    let version = match &stored {
        Some(stored) => next_version(stored.version, now_millis),
        None => now_millis,
    };
    let epoch = stored.as_ref().map_or(project.epoch, |stored| stored.value.epoch.max(project.epoch));
    let wanted = Project { epoch, grants: Vec::new(), ..project.clone() };
    let rules_stand =
        stored.as_ref().is_some_and(|stored| Project { grants: Vec::new(), ..stored.value.clone() } == wanted);
    let grants_stand = stored.as_ref().is_some_and(|stored| {
        let held: Vec<&str> = stored.value.grants.iter().map(|grant| grant.name.as_str()).collect();
        let mut named = named.clone();
        named.sort_unstable();
        held == named
    });
    let stands = rules_stand && grants_stand;
    db.execute(
        &format!(
            "INSERT INTO projects ({COLUMNS}) VALUES (:slug, :environment, :referers, :require_referer, :sources, \
             :presets, :caching, :epoch, :version) ON CONFLICT (slug) DO UPDATE SET environment = :environment, \
             referers = :referers, require_referer = :require_referer, sources = :sources, presets = :presets, \
             caching = :caching, epoch = :epoch, version = CASE WHEN :stands THEN version ELSE :version END"
        ),
        named_params! {
            ":slug": wanted.slug.as_str(),
            ":environment": to_json(&wanted.environment)?,
            ":referers": to_json(&wanted.referers)?,
            ":require_referer": wanted.require_referer,
            ":sources": to_json(&wanted.sources)?,
            ":presets": to_json(&wanted.presets)?,
            ":caching": to_json(&wanted.caching)?,
            ":epoch": signed(epoch),
            ":version": signed(version),
            ":stands": stands,
        },
    )?;
    for name in named {
        db.execute("INSERT INTO grants (project, source) VALUES (?1, ?2)", params![wanted.slug.as_str(), name])?;
    }
    if stands { Ok(()) } else { outbox::queue(db, &RecordName::Project(wanted.slug), version, now_millis) }
}

/// Moves the version of every project that may use a source: their records say its version.
pub(super) fn touch_users_of(db: &Transaction<'_>, source: &Name, now_millis: u64) -> Result<(), RegistryError> {
    let mut statement = db.prepare_cached(
        "UPDATE projects SET version = max(version + 1, ?2) \
         WHERE slug IN (SELECT project FROM grants WHERE source = ?1) RETURNING slug, version",
    )?;
    let touched = statement.query_map(params![source.as_str(), signed(now_millis)], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    let touched: Vec<_> = touched.collect::<Result<_, _>>()?;
    for (slug, version) in touched {
        let name = RecordName::Project(parsed(Slug::new(&slug), "project")?);
        outbox::queue(db, &name, unsigned(version), now_millis)?;
    }
    Ok(())
}

fn grants(db: &Transaction<'_>, slug: &Slug) -> Result<Vec<Grant>, RegistryError> {
    let mut statement = db.prepare_cached(
        "SELECT sources.name, sources.version FROM grants JOIN sources ON sources.name = grants.source \
         WHERE grants.project = ?1 ORDER BY sources.name",
    )?;
    let rows = statement.query_map([slug.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (name, version) = row?;
        Ok(Grant { name: parsed(Name::new(&name), "grant")?, version: unsigned(version) })
    })
    .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Versioned<Project>, RegistryError>> {
    let slug: String = row.get(0)?;
    let environment: String = row.get(1)?;
    let referers: String = row.get(2)?;
    let require_referer = row.get(3)?;
    let (sources, presets, caching): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let (epoch, version) = (unsigned(row.get(7)?), unsigned(row.get(8)?));
    let project = || {
        Ok(Project {
            slug: parsed(Slug::new(&slug), "project")?,
            environment: json(&environment, "project's environment")?,
            referers: json(&referers, "project's referers")?,
            require_referer,
            sources: json(&sources, "project's sources")?,
            grants: Vec::new(),
            presets: json(&presets, "project's presets")?,
            caching: json(&caching, "project's caching")?,
            epoch,
        })
    };
    Ok(project().map(|value| Versioned { value, version }))
}
