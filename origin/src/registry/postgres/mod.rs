//! The registry on PostgreSQL: a pool of connections, TLS by rustls, statements prepared once a connection.
//!
//! Versions rise under concurrency because a change reads the row it changes under a lock that it holds to its end.
//! `apply` changes many rows in no common order, so one runs at a time. All else locks one key, then looks at its
//! project with a lock that `apply` does not shut out, so that no two changes wait for one another in a circle.

mod address;
mod keys;
mod links;
mod projects;
mod sources;
mod tls;

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{
    Client, GenericClient as _, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
};
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;
use tokio_postgres::IsolationLevel;
use tokio_postgres::error::DbError;

pub use address::{PostgresAddress, Protection};

use super::rows::{KEY_COLUMNS, columns};
use super::{Cell, EdgeLink, Key, Project, Registry, RegistryError, Rotation, StoredSource, Versioned};

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// Connections of one instance: a read is one round trip, so a few serve many requests; a default server takes 100.
const CONNECTIONS: usize = 8;

/// How long a request waits for a connection of the pool.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a change waits for another's lock (as SQLite's busy timeout), and how long a statement may take at all.
const SESSION: &str = "SET lock_timeout = '5s'; SET statement_timeout = '30s'";

/// The advisory lock of migrations: "sealpix" and a number, in 64 bits.
const MIGRATION_LOCK: i64 = 0x7365_616c_7069_7801;

/// The advisory lock of `apply`.
const APPLY_LOCK: i64 = 0x7365_616c_7069_7802;

/// The registry in a PostgreSQL database.
pub struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects, and brings the database's schema up to date; where several instances do at once, one after the other.
    pub async fn open(address: &PostgresAddress) -> Result<Self, RegistryError> {
        if address.can_be_impersonated() {
            tracing::warn!("the database's server is not verified: set sslmode=verify-full in DATABASE_URL");
        }
        let connector = tls::connector(address)?;
        let (mut client, connection) = address.config.connect(connector.clone()).await?;
        let connection = tokio::spawn(connection);
        let migrated = migrate(&mut client).await;
        drop(client);
        // The connection, and with it the lock, ends when it has no client.
        let _ended = connection.await;
        migrated?;

        let manager = Manager::from_config(
            address.config.clone(),
            connector,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let session = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_TIMEOUT))
            .create_timeout(Some(WAIT_TIMEOUT))
            .post_create(session)
            .build()
            .map_err(|error| RegistryError::Database(error.to_string()))?;
        Ok(Self { pool })
    }

    async fn client(&self) -> Result<Client, RegistryError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(_) => RegistryError::Database("no connection within 5 seconds".to_owned()),
            _ => RegistryError::Database("its connections are closed".to_owned()),
        })
    }
}

async fn migrate(client: &mut tokio_postgres::Client) -> Result<(), RegistryError> {
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    let runner = migrations::migrations::runner();
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    // An empty database has no table of migrations, which is an error here and none below.
    let applied = runner.get_last_applied_migration_async(client).await.ok().flatten();
    let applied = applied.map_or(0, |applied| applied.version());
    if applied > newest {
        return Err(RegistryError::NewerSchema);
    }
    if applied < newest {
        runner.run_async(client).await.map_err(|error| RegistryError::Database(described(&error)))?;
    }
    Ok(())
}

impl From<tokio_postgres::Error> for RegistryError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(described(&error))
    }
}

/// The server's own message with its code, or else the chain of causes. Never a DETAIL, which quotes rows.
fn described(error: &(dyn std::error::Error + 'static)) -> String {
    let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source()).collect();
    match causes.iter().find_map(|cause| cause.downcast_ref::<DbError>()) {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => causes.iter().map(ToString::to_string).collect::<Vec<_>>().join(": "),
    }
}

#[async_trait]
impl Registry for Postgres {
    async fn key_and_project(
        &self,
        key: PublicKey,
        project: &Slug,
    ) -> Result<(Option<Key>, Option<Versioned<Project>>), RegistryError> {
        let client = self.client().await?;
        // One statement: one round trip, and both rows of one moment.
        let sql = format!(
            "SELECT {}, {} FROM (SELECT 1) one LEFT JOIN api_keys k ON k.public_key = $1 \
             LEFT JOIN projects p ON p.slug = $2",
            columns(&KEY_COLUMNS, "k."),
            projects::selected()
        );
        let statement = client.prepare_cached(&sql).await?;
        let row = client.query_one(&statement, &[&key.to_string(), &project.as_str()]).await?;
        let at = KEY_COLUMNS.len();
        let has_key = row.try_get::<_, Option<&str>>(0)?.is_some();
        let has_project = row.try_get::<_, Option<&str>>(at)?.is_some();
        let key = has_key.then(|| keys::read(&row)?.key()).transpose()?;
        let project = has_project.then(|| projects::read(&row, at)).transpose()?;
        Ok((key, project))
    }

    async fn keys(&self, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
        keys::list(&self.client().await?, project).await
    }

    async fn projects(&self) -> Result<Vec<Project>, RegistryError> {
        projects::list(&self.client().await?).await
    }

    async fn add_key(&self, key: Key, now_millis: u64) -> Result<(), RegistryError> {
        let mut client = self.client().await?;
        let db = client.transaction().await?;
        keys::insert(&db, &key, now_millis).await?;
        Ok(db.commit().await?)
    }

    async fn set_key_state(&self, key: PublicKey, state: KeyState, now_millis: u64) -> Result<(), RegistryError> {
        let mut client = self.client().await?;
        let db = client.transaction().await?;
        keys::set_state(&db, key, state, now_millis).await?;
        Ok(db.commit().await?)
    }

    async fn rotate_key(&self, rotation: Rotation, now_millis: u64) -> Result<(), RegistryError> {
        let mut client = self.client().await?;
        let db = client.transaction().await?;
        keys::end(&db, rotation.old, rotation.old_not_after, now_millis).await?;
        keys::insert(&db, &rotation.new, now_millis).await?;
        Ok(db.commit().await?)
    }

    async fn apply(
        &self,
        projects: Vec<Project>,
        keys: Vec<Key>,
        sources: Vec<StoredSource>,
        now_millis: u64,
    ) -> Result<(), RegistryError> {
        let mut client = self.client().await?;
        let db = client.transaction().await?;
        db.execute("SELECT pg_advisory_xact_lock($1)", &[&APPLY_LOCK]).await?;
        for source in &sources {
            sources::put(&db, source, now_millis).await?;
        }
        for project in &projects {
            projects::put(&db, project, now_millis).await?;
        }
        for key in &keys {
            keys::put(&db, key, now_millis).await?;
        }
        Ok(db.commit().await?)
    }

    async fn sources(&self) -> Result<Vec<StoredSource>, RegistryError> {
        sources::list(&self.client().await?).await
    }

    async fn edge_links(&self) -> Result<Vec<EdgeLink>, RegistryError> {
        links::list(&self.client().await?).await
    }

    async fn add_edge_link(&self, link: EdgeLink) -> Result<(), RegistryError> {
        let mut client = self.client().await?;
        let db = client.transaction().await?;
        links::insert(&db, &link).await?;
        Ok(db.commit().await?)
    }

    async fn check_cell(&self) -> Result<Option<Cell>, RegistryError> {
        links::check_cell(&self.client().await?).await
    }

    async fn set_check_cell(&self, cell: Cell) -> Result<(), RegistryError> {
        links::set_check_cell(&self.client().await?, &cell).await
    }

    async fn cells(&self) -> Result<Vec<Cell>, RegistryError> {
        let mut client = self.client().await?;
        let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let db = snapshot.start().await?;
        let mut cells = Vec::from_iter(links::check_cell(&db).await?);
        cells.extend(links::list(&db).await?.into_iter().map(|link| link.secret));
        cells.extend(keys::list(&db, None).await?.into_iter().map(|key| key.secret));
        db.commit().await?;
        Ok(cells)
    }

    async fn ping(&self) -> Result<(), RegistryError> {
        Ok(self.client().await?.batch_execute("SELECT 1").await?)
    }
}
