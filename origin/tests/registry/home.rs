//! An empty database of one kind, which may be opened more than once, and rows to put into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpix::domain::HostRule;
use sealpix::key::PublicKey;
use sealpix::operations::{Name, Operations};
use sealpix::quota::Limits;
use sealpix::record::{Caching, Environment as Purpose, Grant, KeyState, Policy, Preset};
use sealpix::target::Slug;
use sealpix_origin::config::{Config, Database, Environment};
use sealpix_origin::origin::{OpenError, Origin};
use sealpix_origin::registry::{
    Author, Cell, Change, EdgeLink, Fallback, FallbackDeclared, Key, KeyDefaults, Project, Registry, RegistryError,
    SourceKind, StoredSource,
};

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

    pub(crate) async fn try_open(&self) -> Result<Opened, RegistryError> {
        let database = match self {
            Self::Sqlite(_) => Database::Sqlite(self.file()),
            Self::Postgres { url, .. } => Database::parse(url).unwrap(),
        };
        Ok(Opened(Arc::new(Registry::open(&database).await?)))
    }

    pub(crate) async fn open(&self) -> Opened {
        self.try_open().await.unwrap()
    }

    /// Does to the database what no registry would.
    pub(crate) fn tamper(&self, sql: &str) {
        match self {
            Self::Sqlite(_) => rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap(),
            Self::Postgres { url, .. } => drop(ask(url, sql).unwrap()),
        }
    }

    /// Brings the schema back to what it was before the migration `version`, which is 4 or 5, made it newer.
    pub(crate) fn back_before(&self, version: u32) {
        let epochs = if version == 4 { "DROP TABLE source_epochs;" } else { "" };
        self.tamper(&format!(
            "DELETE FROM refinery_schema_history WHERE version >= {version};
             ALTER TABLE projects DROP COLUMN fallback;
             ALTER TABLE sources DROP COLUMN credentials_cell;
             ALTER TABLE sources DROP COLUMN cell_version;
             DROP TABLE watermarks;
             DROP TABLE usage;
             {epochs}
             CREATE TABLE usage (public_key TEXT, minute BIGINT, outcome TEXT, count BIGINT);"
        ));
    }

    /// Each column of each table in its order: the table, the column, whether it is of the primary key.
    pub(crate) fn schema(&self) -> Vec<(String, String, bool)> {
        let lines = match self {
            Self::Sqlite(_) => {
                let connection = rusqlite::Connection::open(self.file()).unwrap();
                let sql = "SELECT t.name || char(9) || c.name || char(9) || (c.pk > 0) FROM sqlite_master t, \
                           pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.cid";
                let mut statement = connection.prepare(sql).unwrap();
                let lines = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                lines.map(|line| line.unwrap()).collect()
            }
            Self::Postgres { url, .. } => {
                let sql = "SELECT c.table_name, c.column_name, (SELECT count(*) FROM information_schema.key_column_usage u \
                           JOIN information_schema.table_constraints k USING (constraint_name, table_name) \
                           WHERE k.constraint_type = 'PRIMARY KEY' AND u.table_name = c.table_name \
                           AND u.column_name = c.column_name) FROM information_schema.columns c \
                           WHERE c.table_schema = 'public' ORDER BY c.table_name, c.ordinal_position";
                ask(url, sql).unwrap()
            }
        };
        let read = |line: &String| {
            let mut fields = line.split('\t').map(str::to_owned);
            (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap() == "1")
        };
        lines.iter().map(read).collect()
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {table}");
        match self {
            Self::Sqlite(_) => {
                let database = rusqlite::Connection::open(self.file()).unwrap();
                database.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
            }
            Self::Postgres { url, .. } => ask(url, &sql).unwrap()[0].parse().unwrap(),
        }
    }

    /// An origin whose registry is here, with more of its environment.
    pub(crate) async fn origin(&self, folder: &Path, more: &[(&str, &str)]) -> Result<Origin, OpenError> {
        let database = match self {
            Self::Sqlite(_) => format!("sqlite:{}", self.file().display()),
            Self::Postgres { url, .. } => url.clone(),
        };
        let folder = folder.display().to_string();
        let own = [
            ("DATABASE_URL", database.as_str()),
            ("SEALPIX_DATA_DIR", &folder),
            ("MASTER_SECRET", "a master secret of at least 32 characters"),
        ];
        let pairs = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Origin::open(Config::read(&Environment::from_pairs(pairs)).unwrap()).await
    }

    fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("registry.db"),
            Self::Postgres { .. } => panic!("no file"),
        }
    }
}

/// A registry, and changes of one step.
#[derive(Clone)]
pub(crate) struct Opened(pub(crate) Arc<Registry>);

impl std::ops::Deref for Opened {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.0
    }
}

/// A rotation.
pub(crate) struct Rotation {
    pub(crate) old: PublicKey,
    pub(crate) old_not_after: u64,
    pub(crate) new: Key,
}

type Done = Result<(), RegistryError>;

impl Opened {
    pub(crate) async fn begin(&self, now: u64) -> Change {
        self.0.change(&Author::system(now)).await.unwrap()
    }

    pub(crate) async fn apply(
        &self,
        projects: Vec<Project>,
        keys: Vec<Key>,
        sources: Vec<StoredSource>,
        now: u64,
    ) -> Done {
        let mut change = self.begin(now).await;
        change.apply(&sources, &projects, &keys).await?;
        change.commit().await
    }

    pub(crate) async fn add_key(&self, key: Key, now: u64) -> Done {
        let mut change = self.begin(now).await;
        change.add_key(&key).await?;
        change.commit().await
    }

    pub(crate) async fn set_key_state(&self, key: PublicKey, state: KeyState, now: u64) -> Done {
        let mut change = self.begin(now).await;
        match state {
            KeyState::Revoked => change.revoke_key(key).await?,
            KeyState::Active => {
                let held = change.key(key).await?;
                change.put_key(&Key { state, ..held }).await?;
            }
        }
        change.commit().await
    }

    pub(crate) async fn rotate_key(&self, rotation: Rotation, now: u64) -> Done {
        let mut change = self.begin(now).await;
        change.rotate_key(rotation.old, rotation.old_not_after, &rotation.new).await?;
        change.commit().await
    }

    pub(crate) async fn add_edge_link(&self, link: EdgeLink) -> Done {
        let mut change = self.begin(link.created_at).await;
        change.add_edge_link(&link).await?;
        change.commit().await
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

pub(crate) fn fallback(source: &str) -> Fallback {
    FallbackDeclared { source: source.to_owned(), ttl_secs: 90 }.try_into().unwrap()
}

/// A project with nothing left at its default.
pub(crate) fn project(text: &str, grants: &[&str]) -> Project {
    let preset = Preset::new(Operations::read("w_400,h_300").unwrap()).unwrap();
    Project {
        slug: slug(text),
        environment: Purpose::Staging,
        referers: vec![HostRule::parse("*.example.org").unwrap()],
        require_referer: true,
        sources: vec![HostRule::parse("cdn.example.com").unwrap()],
        grants: grants.iter().map(|grant| Grant { name: name(grant), version: 0 }).collect(),
        presets: BTreeMap::from([(name("card"), preset)]),
        watermarks: Vec::new(),
        caching: Caching { ttl_secs: 60, public: false },
        fallback: Some(fallback("cdn.example.com/missing.png")),
        key_defaults: KeyDefaults { limits: Limits { minute: 7, day: 70 }, policy: Policy::default() },
        epoch: 2,
        source_epochs: Vec::new(),
    }
}

pub(crate) fn source(text: &str, location: &str) -> StoredSource {
    StoredSource {
        name: name(text),
        kind: SourceKind::Http,
        location: location.to_owned(),
        credentials: None,
        version: 0,
    }
}
