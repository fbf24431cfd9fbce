//! An empty database of one kind, which may be opened more than once, and rows to put into it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sealpix::domain::HostRule;
use sealpix::key::PublicKey;
use sealpix::operations::{Name, Operations};
use sealpix::quota::Limits;
use sealpix::record::{Caching, Environment, Grant, KeyState, Policy, Preset};
use sealpix::target::Slug;
use sealpix_origin::registry::postgres::{Postgres, PostgresAddress};
use sealpix_origin::registry::sqlite::Sqlite;
use sealpix_origin::registry::{Cell, Key, Project, Registry, RegistryError, SourceKind, StoredSource};

use crate::server::{Server, ask};

/// Where a registry lives.
pub(crate) enum Home {
    Sqlite(tempfile::TempDir),
    Postgres { url: String, _server: Arc<Server> },
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        let server = Server::shared();
        Self::Postgres { url: server.database(), _server: server }
    }

    pub(crate) async fn try_open(&self) -> Result<Arc<dyn Registry>, RegistryError> {
        match self {
            Self::Sqlite(_) => Ok(Arc::new(Sqlite::open(&self.file())?)),
            Self::Postgres { url, .. } => Ok(Arc::new(Postgres::open(&PostgresAddress::parse(url).unwrap()).await?)),
        }
    }

    pub(crate) async fn open(&self) -> Arc<dyn Registry> {
        self.try_open().await.unwrap()
    }

    /// Does to the database what no registry would.
    pub(crate) fn tamper(&self, sql: &str) {
        match self {
            Self::Sqlite(_) => rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap(),
            Self::Postgres { url, .. } => drop(ask(url, sql).unwrap()),
        }
    }

    fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("registry.db"),
            Self::Postgres { .. } => panic!("no file"),
        }
    }
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn public_key(number: u16) -> PublicKey {
    let mut bytes = [7; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    PublicKey::from_bytes(bytes)
}

/// A key of `my-app` with nothing left at its default.
pub(crate) fn key(number: u16) -> Key {
    let public_key = public_key(number);
    let secret = Cell {
        table: "api_keys",
        row: public_key.to_string(),
        column: "secret_cell",
        version: 3,
        sealed: format!("v1.cell.{number}"),
    };
    let policy = Policy {
        require_expiry: true,
        max_lifetime_secs: Some(3_600),
        operations: Some(vec!["w".to_owned()]),
        ..Policy::default()
    };
    Key {
        public_key,
        project: slug("my-app"),
        name: format!("key {number}: ü'\"\\"),
        secret,
        state: KeyState::Active,
        not_after: Some(2_000_000_000),
        limits: Limits { minute: 5, day: 50 },
        policy,
        version: 0,
        created_at: 0,
    }
}

/// A project with nothing left at its default.
pub(crate) fn project(text: &str, grants: &[&str]) -> Project {
    let preset = Preset::new(Operations::read("w_400,h_300").unwrap()).unwrap();
    Project {
        slug: slug(text),
        environment: Environment::Staging,
        referers: vec![HostRule::parse("*.example.org").unwrap()],
        require_referer: true,
        sources: vec![HostRule::parse("cdn.example.com").unwrap()],
        grants: grants.iter().map(|grant| Grant { name: name(grant), version: 0 }).collect(),
        presets: BTreeMap::from([(name("card"), preset)]),
        caching: Caching { ttl_secs: 60, public: false },
        epoch: 2,
    }
}

pub(crate) fn source(text: &str, location: &str) -> StoredSource {
    StoredSource { name: name(text), kind: SourceKind::Http, location: location.to_owned(), version: 0 }
}
