//! SQLite: one connection that writes and a few that read, each on a thread of its own, WAL.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{Access, Database, Row, Transaction, Value, migrations};
use crate::registry::RegistryError;

/// Connections that read single statements: these take tens of microseconds, so two are plenty.
const READERS: usize = 2;

/// How long a connection waits for another process's lock, such as a command beside a running server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A SQLite file.
pub struct Sqlite {
    writer: Arc<Thread>,
    snapshots: Arc<Thread>,
    readers: Vec<Thread>,
    next_reader: AtomicUsize,
}

/// A connection on its thread, and who has it for a transaction.
struct Thread {
    jobs: mpsc::Sender<Job>,
    turn: Arc<Mutex<()>>,
}

impl Sqlite {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        make_private(path)?;
        let mut writer = connect(path)?;
        migrate(&mut writer)?;
        let readers = (0..READERS).map(|_| connect(path).map(Thread::new)).collect::<Result<_, _>>()?;
        Ok(Self {
            writer: Arc::new(Thread::new(writer)),
            snapshots: Arc::new(Thread::new(connect(path)?)),
            readers,
            next_reader: AtomicUsize::new(0),
        })
    }
}

/// A new file is its owner's alone, and SQLite gives the files beside it the same permissions.
fn make_private(path: &Path) -> Result<(), RegistryError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(RegistryError::Database(format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn connect(path: &Path) -> Result<Connection, RegistryError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: an acknowledged change survives the machine's power, not only the process's end.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), RegistryError> {
    let runner = migrations::sqlite();
    let applied = runner.get_last_applied_migration(connection).ok().flatten();
    if applied.is_some_and(|applied| i64::from(applied.version()) > migrations::newest()) {
        return Err(RegistryError::NewerSchema);
    }
    runner.run(connection).map_err(|error| RegistryError::Database(error.to_string()))?;
    Ok(())
}

impl Thread {
    fn new(mut connection: Connection) -> Self {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for job in jobs {
                job(&mut connection);
            }
        });
        Self { jobs: sender, turn: Arc::default() }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody listens where the request was dropped.
            let _ = reply.send(work(connection));
        });
        let gone = || RegistryError::Database("its thread has ended".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        let sql = numbered(sql);
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let columns = statement.column_count();
            let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
                (0..columns).map(|place| row.get_ref(place).map(read)).collect::<Result<_, _>>().map(Row)
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn statement(&self, sql: &'static str) -> Result<(), RegistryError> {
        self.run(move |connection| Ok(connection.execute_batch(sql)?)).await
    }
}

/// SQLite's own spelling of numbered placeholders.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

#[async_trait]
impl Database for Sqlite {
    async fn read(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed);
        let reader = self.readers.get(turn % READERS).unwrap_or(&self.writer);
        reader.query(sql, values).await
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, RegistryError> {
        let (thread, sql) = match access {
            Access::Change => (&self.writer, "BEGIN IMMEDIATE"),
            Access::Snapshot => (&self.snapshots, "BEGIN DEFERRED"),
        };
        let turn = Arc::clone(&thread.turn).lock_owned().await;
        // Held before it begins: a request that is dropped meanwhile still rolls back.
        let begun = Begun { thread: Arc::clone(thread), is_open: true, _turn: turn };
        begun.thread.statement(sql).await?;
        Ok(Box::new(begun))
    }
}

/// A transaction; the next one begins when this is dropped.
struct Begun {
    thread: Arc<Thread>,
    is_open: bool,
    _turn: OwnedMutexGuard<()>,
}

#[async_trait]
impl Transaction for Begun {
    async fn query(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        self.thread.query(sql, values).await
    }

    async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, RegistryError> {
        let sql = numbered(sql);
        let work = move |connection: &Connection| {
            let changed = connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(values))?;
            Ok(u64::try_from(changed).unwrap_or(u64::MAX))
        };
        self.thread.run(work).await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), RegistryError> {
        self.thread.statement("COMMIT").await?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.is_open {
            // Before the turn is given back, so before the next one's BEGIN. Without a transaction it says so: nothing.
            let _ = self.thread.jobs.send(Box::new(|connection| {
                let _ = connection.execute_batch("ROLLBACK");
            }));
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(value: ValueRef<'_>) -> Value {
    match value {
        // No column holds fractions, and no text that is not UTF-8.
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl From<rusqlite::Error> for RegistryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}
