//! The registry on SQLite: one writer and a few readers, each a connection on a thread of its own, WAL.

mod keys;
mod links;
mod outbox;
mod projects;
mod sources;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;
use tokio::sync::oneshot;

use super::{
    Cell, EdgeLink, Key, Project, RecordName, Registry, RegistryError, Rotation, StoredSource, Versioned, Waiting,
};

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Connections that read beside the writer: reads take tens of microseconds, so two are plenty.
const READERS: usize = 2;

/// How long a connection waits for another process's lock, such as a command beside a running server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The registry in a SQLite file.
pub struct Sqlite {
    writer: mpsc::Sender<Job>,
    readers: Vec<mpsc::Sender<Job>>,
    next_reader: AtomicUsize,
}

impl Sqlite {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        let mut writer = connect(path)?;
        migrate(&mut writer)?;
        let readers = (0..READERS).map(|_| connect(path).map(spawn)).collect::<Result<_, _>>()?;
        Ok(Self { writer: spawn(writer), readers, next_reader: AtomicUsize::new(0) })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed);
        let reader = self.readers.get(turn % READERS).unwrap_or(&self.writer);
        run(reader, TransactionBehavior::Deferred, work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        run(&self.writer, TransactionBehavior::Immediate, work).await
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
    let runner = migrations::migrations::runner();
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    let applied = runner.get_last_applied_migration(connection).ok().flatten();
    if applied.is_some_and(|applied| applied.version() > newest) {
        return Err(RegistryError::NewerSchema);
    }
    runner.run(connection).map_err(|error| RegistryError::Database(error.to_string()))?;
    Ok(())
}

fn spawn(mut connection: Connection) -> mpsc::Sender<Job> {
    let (sender, jobs) = mpsc::channel::<Job>();
    std::thread::spawn(move || {
        for job in jobs {
            job(&mut connection);
        }
    });
    sender
}

/// Runs `work` in one transaction on a connection's thread; an error rolls all of it back.
async fn run<T: Send + 'static>(
    thread: &mpsc::Sender<Job>,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, RegistryError> {
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        let result =
            connection.transaction_with_behavior(behavior).map_err(RegistryError::from).and_then(|transaction| {
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            });
        // Nobody listens where the request was dropped; the change stands either way.
        let _ = reply.send(result);
    });
    let gone = || RegistryError::Database("its thread has ended".to_owned());
    thread.send(job).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

impl From<rusqlite::Error> for RegistryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// Text of a column into its type, or an error that names what cannot be read.
fn parsed<T>(value: Option<T>, what: &str) -> Result<T, RegistryError> {
    value.ok_or_else(|| RegistryError::Unreadable(what.to_owned()))
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, RegistryError> {
    parsed(serde_json::from_str(text).ok(), what)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, RegistryError> {
    serde_json::to_string(value).map_err(|error| RegistryError::Database(error.to_string()))
}

/// SQLite's integers are signed; ours fit.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The next version of a record: it rises even where the clock does not.
fn next_version(previous: u64, now_millis: u64) -> u64 {
    now_millis.max(previous + 1)
}

#[async_trait]
impl Registry for Sqlite {
    async fn key_and_project(
        &self,
        key: PublicKey,
        project: &Slug,
    ) -> Result<(Option<Key>, Option<Versioned<Project>>), RegistryError> {
        let project = project.clone();
        self.read(move |db| Ok((keys::find(db, key)?, projects::find(db, &project)?))).await
    }

    async fn keys(&self, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
        let project = project.cloned();
        self.read(move |db| keys::list(db, project.as_ref())).await
    }

    async fn projects(&self) -> Result<Vec<Project>, RegistryError> {
        self.read(projects::list).await
    }

    async fn add_key(&self, key: Key, now_millis: u64) -> Result<(), RegistryError> {
        self.write(move |db| keys::insert(db, &key, now_millis)).await
    }

    async fn set_key_state(&self, key: PublicKey, state: KeyState, now_millis: u64) -> Result<(), RegistryError> {
        self.write(move |db| keys::set_state(db, key, state, now_millis)).await
    }

    async fn rotate_key(&self, rotation: Rotation, now_millis: u64) -> Result<(), RegistryError> {
        self.write(move |db| {
            keys::end(db, rotation.old, rotation.old_not_after, now_millis)?;
            keys::insert(db, &rotation.new, now_millis)
        })
        .await
    }

    async fn apply(
        &self,
        projects: Vec<Project>,
        keys: Vec<Key>,
        sources: Vec<StoredSource>,
        now_millis: u64,
    ) -> Result<(), RegistryError> {
        self.write(move |db| {
            for source in &sources {
                sources::put(db, source, now_millis)?;
            }
            for project in &projects {
                projects::put(db, project, now_millis)?;
            }
            for key in &keys {
                keys::put(db, key, now_millis)?;
            }
            Ok(())
        })
        .await
    }

    async fn sources(&self) -> Result<Vec<StoredSource>, RegistryError> {
        self.read(sources::list).await
    }

    async fn edge_links(&self) -> Result<Vec<EdgeLink>, RegistryError> {
        self.read(links::list).await
    }

    async fn add_edge_link(&self, link: EdgeLink) -> Result<(), RegistryError> {
        self.write(move |db| links::insert(db, &link)).await
    }

    async fn check_cell(&self) -> Result<Option<Cell>, RegistryError> {
        self.read(links::check_cell).await
    }

    async fn set_check_cell(&self, cell: Cell) -> Result<(), RegistryError> {
        self.write(move |db| links::set_check_cell(db, &cell)).await
    }

    async fn cells(&self) -> Result<Vec<Cell>, RegistryError> {
        self.read(|db| {
            let mut cells = Vec::from_iter(links::check_cell(db)?);
            cells.extend(links::list(db)?.into_iter().map(|link| link.secret));
            cells.extend(keys::list(db, None)?.into_iter().map(|key| key.secret));
            Ok(cells)
        })
        .await
    }

    async fn ping(&self) -> Result<(), RegistryError> {
        self.read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }

    async fn key(&self, key: PublicKey) -> Result<Option<Key>, RegistryError> {
        self.read(move |db| keys::find(db, key)).await
    }

    async fn project(&self, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError> {
        let slug = slug.clone();
        self.read(move |db| projects::find(db, &slug)).await
    }

    async fn lease_outbox(&self, most: u32, until_millis: u64, now_millis: u64) -> Result<Vec<Waiting>, RegistryError> {
        self.write(move |db| outbox::lease(db, most, until_millis, now_millis)).await
    }

    async fn finish_outbox(&self, sent: Waiting, version: u64) -> Result<(), RegistryError> {
        self.write(move |db| outbox::finish(db, &sent, version)).await
    }

    async fn put_off_outbox(&self, sent: Waiting, next_try: u64) -> Result<(), RegistryError> {
        self.write(move |db| outbox::put_off(db, &sent, next_try)).await
    }

    async fn queue_missing(&self, names: Vec<(RecordName, u64)>, now_millis: u64) -> Result<(), RegistryError> {
        self.write(move |db| outbox::queue_missing(db, &names, now_millis)).await
    }

    async fn renew_outbox(&self, before: u64, now_millis: u64) -> Result<bool, RegistryError> {
        self.write(move |db| outbox::renew(db, before, now_millis)).await
    }

    async fn outbox_len(&self) -> Result<u64, RegistryError> {
        self.read(outbox::len).await
    }

    async fn rotate_edge_link(&self, new: EdgeLink, compromised: bool, now_millis: u64) -> Result<(), RegistryError> {
        self.write(move |db| links::rotate(db, &new, compromised, now_millis)).await
    }

    async fn adopt_edge_link(&self, id: &str, now_millis: u64) -> Result<bool, RegistryError> {
        let id = id.to_owned();
        self.write(move |db| links::adopt(db, &id, now_millis)).await
    }

    async fn retire_edge_links(&self) -> Result<u64, RegistryError> {
        self.write(links::retire).await
    }
}
