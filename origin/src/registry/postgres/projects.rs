//! Tables `projects` and `grants`.

use deadpool_postgres::{GenericClient, Transaction};
use sealpix::operations::Name;
use tokio_postgres::Row;

use crate::registry::rows::{PROJECT_COLUMNS, ProjectRow, changed_project, columns, signed};
use crate::registry::{Project, RegistryError, Versioned};

/// The grants of the project `p`, names and versions in one order. A part of the project's own statement, so that both
/// are of one moment.
const GRANTS: &str = "ARRAY(SELECT s.name FROM grants g JOIN sources s ON s.name = g.source WHERE g.project = p.slug \
                      ORDER BY s.name), \
                      ARRAY(SELECT s.version FROM grants g JOIN sources s ON s.name = g.source \
                      WHERE g.project = p.slug ORDER BY s.name)";

/// What a query selects of the project `p`, for [`read`].
pub(super) fn selected() -> String {
    format!("{}, {GRANTS}", columns(&PROJECT_COLUMNS, "p."))
}

pub(super) async fn list(db: &impl GenericClient) -> Result<Vec<Project>, RegistryError> {
    let sql = format!("SELECT {} FROM projects p ORDER BY p.slug", selected());
    let statement = db.prepare_cached(&sql).await?;
    let rows = db.query(&statement, &[]).await?;
    rows.iter().map(|row| read(row, 0).map(|project| project.value)).collect()
}

/// Creates the project, or changes it; an equal project keeps its version.
pub(super) async fn put(db: &Transaction<'_>, project: &Project, now_millis: u64) -> Result<(), RegistryError> {
    // Not FOR UPDATE: that would shut out the keys that are added to the project meanwhile, and lock in a circle with
    // a rotation, which holds a key and then looks at its project.
    let sql = format!("SELECT {} FROM projects p WHERE p.slug = $1 FOR NO KEY UPDATE OF p", selected());
    let statement = db.prepare_cached(&sql).await?;
    let row = db.query_opt(&statement, &[&project.slug.as_str()]).await?;
    let stored = row.map(|row| read(&row, 0)).transpose()?;
    let Some(change) = changed_project(stored.as_ref(), project, now_millis)? else {
        return Ok(());
    };
    let row = change.row;
    let sql = format!(
        "INSERT INTO projects ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (slug) DO UPDATE SET \
         environment = $2, referers = $3, require_referer = $4, sources = $5, presets = $6, caching = $7, epoch = $8, \
         version = $9",
        columns(&PROJECT_COLUMNS, "")
    );
    let statement = db.prepare_cached(&sql).await?;
    db.execute(
        &statement,
        &[
            &row.slug,
            &row.environment,
            &row.referers,
            &row.require_referer,
            &row.sources,
            &row.presets,
            &row.caching,
            &row.epoch,
            &row.version,
        ],
    )
    .await?;
    let statement = db.prepare_cached("DELETE FROM grants WHERE project = $1").await?;
    db.execute(&statement, &[&row.slug]).await?;
    let statement = db.prepare_cached("INSERT INTO grants (project, source) VALUES ($1, $2)").await?;
    for name in &change.grants {
        db.execute(&statement, &[&row.slug, name]).await?;
    }
    Ok(())
}

/// Moves the version of every project that may use a source: their records say its version.
pub(super) async fn touch_users_of(db: &Transaction<'_>, source: &Name, now_millis: u64) -> Result<(), RegistryError> {
    let statement = db
        .prepare_cached(
            "UPDATE projects SET version = greatest(version + 1, $2) \
             WHERE slug IN (SELECT project FROM grants WHERE source = $1)",
        )
        .await?;
    db.execute(&statement, &[&source.as_str(), &signed(now_millis)]).await?;
    Ok(())
}

/// Reads what [`selected`] names, from the column `at` on.
pub(super) fn read(row: &Row, at: usize) -> Result<Versioned<Project>, RegistryError> {
    let names: Vec<String> = row.try_get(at + 9)?;
    let versions: Vec<i64> = row.try_get(at + 10)?;
    let project = ProjectRow {
        slug: row.try_get(at)?,
        environment: row.try_get(at + 1)?,
        referers: row.try_get(at + 2)?,
        require_referer: row.try_get(at + 3)?,
        sources: row.try_get(at + 4)?,
        presets: row.try_get(at + 5)?,
        caching: row.try_get(at + 6)?,
        epoch: row.try_get(at + 7)?,
        version: row.try_get(at + 8)?,
    };
    project.project(names.into_iter().zip(versions))
}
