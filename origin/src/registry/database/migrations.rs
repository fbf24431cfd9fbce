//! The schema's migrations: one text for both databases, written as SQLite reads it.

use refinery::{Migration, Runner};

mod texts {
    refinery::embed_migrations!("migrations");
}

/// For SQLite.
pub(super) fn sqlite() -> Runner {
    texts::migrations::runner()
}

/// For PostgreSQL: its names of the types.
pub(super) fn postgres() -> Result<Runner, refinery::Error> {
    let migrations = texts::migrations::runner().get_migrations().iter().map(translated).collect::<Result<Vec<_>, _>>();
    Ok(Runner::new(&migrations?))
}

fn translated(migration: &Migration) -> Result<Migration, refinery::Error> {
    let sql = migration.sql().unwrap_or_default();
    let sql = sql.replace(" INTEGER", " BIGINT").replace(" BLOB", " BYTEA").replace(") STRICT;", ");");
    Migration::unapplied(&format!("V{}__{}", migration.version(), migration.name()), &sql)
}

/// The schema's version: the newest that this binary knows.
#[must_use]
pub fn newest() -> i64 {
    let runner = texts::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}
