//! PostgreSQL: a pool of connections, TLS by rustls, statements prepared once a connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use deadpool_postgres::{Client, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError};
use deadpool_postgres::{RecyclingMethod, Runtime};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_postgres::error::DbError;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use super::address::PostgresAddress;
use super::{Access, Database, Row, Transaction, Value, migrations, tls};
use crate::registry::RegistryError;

/// Connections of one instance: a read is one round trip, so a few serve many requests; a default server takes 100.
const CONNECTIONS: usize = 8;

/// How long a request waits for a connection of the pool.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a change waits for another's lock (as SQLite's busy timeout), and how long a statement may take at all.
const SESSION: &str = "SET lock_timeout = '5s'; SET statement_timeout = '30s'";

/// The advisory lock of migrations: "sealpix" and a number, in 64 bits.
const MIGRATION_LOCK: i64 = 0x7365_616c_7069_7801;

/// A change: the lock is "sealpix" and 2. Each statement after it sees what changes before it committed.
const BEGIN_CHANGE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(8315159405379811330)";

const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A PostgreSQL database.
pub struct Postgres {
    pool: Pool,
    /// This instance's changes queue here, holding no connection while they wait.
    turn: Arc<Mutex<()>>,
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
        Ok(Self { pool, turn: Arc::default() })
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
    let failed = |error: refinery::Error| RegistryError::Database(described(&error));
    let runner = migrations::postgres().map_err(failed)?;
    // An empty database has no table of migrations, which is an error here and none below.
    let applied = runner.get_last_applied_migration_async(client).await.ok().flatten();
    let applied = applied.map_or(0, |applied| i64::from(applied.version()));
    if applied > migrations::newest() {
        return Err(RegistryError::NewerSchema);
    }
    if applied < migrations::newest() {
        runner.run_async(client).await.map_err(failed)?;
    }
    Ok(())
}

async fn query(client: &Client, sql: &str, values: &[Value]) -> Result<Vec<Row>, RegistryError> {
    let statement = client.prepare_cached(sql).await?;
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
    let rows = client.query(&statement, &values).await?;
    let read = |row: tokio_postgres::Row| (0..row.len()).map(|place| row.try_get(place)).collect::<Result<_, _>>();
    Ok(rows.into_iter().map(|row| read(row).map(Row)).collect::<Result<_, _>>()?)
}

#[async_trait]
impl Database for Postgres {
    async fn read(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        query(&self.client().await?, sql, &values).await
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, RegistryError> {
        let (turn, sql) = match access {
            Access::Change => (Some(Arc::clone(&self.turn).lock_owned().await), BEGIN_CHANGE),
            Access::Snapshot => (None, BEGIN_SNAPSHOT),
        };
        // Held before it begins: a request that is dropped meanwhile still rolls back.
        let begun = Begun { client: Some(self.client().await?), _turn: turn };
        begun.client()?.batch_execute(sql).await?;
        Ok(Box::new(begun))
    }
}

/// A transaction on its connection.
struct Begun {
    client: Option<Client>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Begun {
    fn client(&self) -> Result<&Client, RegistryError> {
        self.client.as_ref().ok_or_else(|| RegistryError::Database("the transaction has ended".to_owned()))
    }
}

#[async_trait]
impl Transaction for Begun {
    async fn query(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        query(self.client()?, sql, &values).await
    }

    async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, RegistryError> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        Ok(client.execute(&statement, &values).await?)
    }

    async fn commit(mut self: Box<Self>) -> Result<(), RegistryError> {
        self.client()?.batch_execute("COMMIT").await?;
        self.client = None;
        Ok(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The connection closes, which the server takes as a rollback.
            drop(Object::take(client));
            return;
        };
        runtime.spawn(async move {
            if client.batch_execute("ROLLBACK").await.is_err() {
                drop(Object::take(client));
            }
        });
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let fits = match self {
            Self::Null => true,
            Self::Integer(_) => [Type::INT8, Type::INT4].contains(kind),
            Self::Text(_) => <&str as ToSql>::accepts(kind),
            Self::Bytes(_) => *kind == Type::BYTEA,
        };
        if !fits {
            return Err(format!("a value does not fit a placeholder of type {kind}").into());
        }
        self.to_sql(kind, out)
    }
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Integer),
            Type::INT4 => i32::from_sql(kind, raw).map(|number| Self::Integer(number.into())),
            Type::BOOL => bool::from_sql(kind, raw).map(|truth| Self::Integer(truth.into())),
            Type::BYTEA => Vec::<u8>::from_sql(kind, raw).map(Self::Bytes),
            _ => String::from_sql(kind, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_kind: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::BYTEA].contains(kind) || <String as FromSql>::accepts(kind)
    }
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
