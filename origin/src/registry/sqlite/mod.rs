//! The registry on SQLite: one writer and a few readers, each a connection on a thread of its own, WAL.

mod keys;
mod links;
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

use super::{Cell, EdgeLink, Key, Project, Registry, RegistryError, Rotation, StoredSource, Versioned};

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
}
