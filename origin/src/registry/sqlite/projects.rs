//! Tables `projects` and `grants`.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use sealpix::operations::Name;
use sealpix::target::Slug;

use crate::registry::rows::{PROJECT_COLUMNS, ProjectRow, changed_project, columns, parsed, signed};
use crate::registry::{Project, RegistryError, Versioned};

pub(super) fn find(db: &Transaction<'_>, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
    let sql = format!("SELECT {} FROM projects WHERE slug = ?1", columns(&PROJECT_COLUMNS, ""));
    let row = db.prepare_cached(&sql)?.query_row([slug.as_str()], read).optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    row.project(grants(db, slug)?).map(Some)
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

/// Creates the project, or changes it; an equal project keeps its version.
pub(super) fn put(db: &Transaction<'_>, project: &Project, now_millis: u64) -> Result<(), RegistryError> {
    let stored = find(db, &project.slug)?;
    let Some(change) = changed_project(stored.as_ref(), project, now_millis)? else {
        return Ok(());
    };
    let row = change.row;
    db.prepare_cached(&format!(
        "INSERT INTO projects ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (slug) DO UPDATE SET \
         environment = ?2, referers = ?3, require_referer = ?4, sources = ?5, presets = ?6, caching = ?7, epoch = ?8, \
         version = ?9",
        columns(&PROJECT_COLUMNS, "")
    ))?
    .execute(params![
        row.slug,
        row.environment,
        row.referers,
        row.require_referer,
        row.sources,
        row.presets,
        row.caching,
        row.epoch,
        row.version,
    ])?;
    db.execute("DELETE FROM grants WHERE project = ?1", [&row.slug])?;
    for name in change.grants {
        db.execute("INSERT INTO grants (project, source) VALUES (?1, ?2)", params![row.slug, name])?;
    }
    Ok(())
}

/// Moves the version of every project that may use a source: their records say its version.
pub(super) fn touch_users_of(db: &Transaction<'_>, source: &Name, now_millis: u64) -> Result<(), RegistryError> {
    db.execute(
        "UPDATE projects SET version = max(version + 1, ?2) \
         WHERE slug IN (SELECT project FROM grants WHERE source = ?1)",
        params![source.as_str(), signed(now_millis)],
    )?;
    Ok(())
}

fn grants(db: &Transaction<'_>, slug: &Slug) -> Result<Vec<(String, i64)>, RegistryError> {
    let mut statement = db.prepare_cached(
        "SELECT sources.name, sources.version FROM grants JOIN sources ON sources.name = grants.source \
         WHERE grants.project = ?1 ORDER BY sources.name",
    )?;
    let rows = statement.query_map([slug.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        slug: row.get(0)?,
        environment: row.get(1)?,
        referers: row.get(2)?,
        require_referer: row.get(3)?,
        sources: row.get(4)?,
        presets: row.get(5)?,
        caching: row.get(6)?,
        epoch: row.get(7)?,
        version: row.get(8)?,
    })
}
