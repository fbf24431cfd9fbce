//! Where the registry is: `DATABASE_URL`.

use std::path::PathBuf;

use crate::registry::database::PostgresAddress;

/// Where the registry is.
#[derive(Debug, Clone)]
pub enum Database {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server. Several origins may share it.
    Postgres(Box<PostgresAddress>),
}

impl Database {
    /// Reads `DATABASE_URL`; the error says what is wrong and quotes nothing of it.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(PostgresAddress::parse(url)?)));
        }
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() && !path.contains('?') => {
                std::path::absolute(path).map(Self::Sqlite).map_err(|error| error.to_string())
            }
            _ => Err("takes postgres://user:password@host:port/database or sqlite:PATH".to_owned()),
        }
    }

    /// Whether there is something to open: a file, or a server that may be asked.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::Sqlite(file) => file.exists(),
            Self::Postgres(_) => true,
        }
    }
}
