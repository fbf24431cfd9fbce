//! The schema's migrations: one text for both databases, written as SQLite reads it.
//!
//! They are grouped: all of them and the rows that say so in one transaction. Ungrouped, a process that is killed between
//! a migration and its row leaves a database that nothing opens any more.

use refinery::{Migration, Runner};

mod texts {
    refinery::embed_migrations!("migrations");
}

/// For SQLite.
pub(super) fn sqlite() -> Runner {
    texts::migrations::runner().set_grouped(true)
}

/// For PostgreSQL: its names of the types.
pub(super) fn postgres() -> Result<Runner, refinery::Error> {
    let migrations = texts::migrations::runner().get_migrations().iter().map(translated).collect::<Result<Vec<_>, _>>();
    Ok(Runner::new(&migrations?).set_grouped(true))
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
