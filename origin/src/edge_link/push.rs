//! Pushes records to the edge: the outbox, one name's versions in order, each kept until the edge says that it has it.
//!
//! A row is leased, its record read and sealed as it stands now, and posted with a proof. It goes only when the edge
//! answers `held VERSION` with that version or a later one; anything else (a refusal, a KV that is busy, `stale`)
//! waits 1, 2, 4 … 60 seconds. One lease a name: a slow push of an old version is never overtaken by a newer one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sealpix::denial::Denial;
use sealpix::envelope::{FRESH_SECS, Kind};
use sealpix::link::{LinkKeys, PROBE};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Sealer;
use super::client::{AskError, DEADLINE_SECS, EdgeClient};
use crate::observe::metrics::Metrics;
use crate::origin::{OpenError, Origin};
use crate::registry::{Author, RecordName, RegistryError, Waiting};

pub use super::client::PushSetupError;
pub use sealpix::link::PUSH_PATH;

/// Pushes under way at once: an edge's isolate takes some, and a renewal of thousands should not last an hour.
const CONCURRENT: usize = 16;

/// How often the outbox is read for what other processes have written, and how often one name is sent at most: KV
/// takes one write a second of a name.
const SECOND: Duration = Duration::from_secs(1);

/// How long a row is one sender's: the wait before, the push, and time to spare. After a crash it is sent again then.
const LEASE_MILLIS: u64 = 2 * DEADLINE_SECS * 1000;

/// Longest wait after a failure.
const MAX_BACKOFF_SECS: u64 = 60;

/// Records are pushed again at half of their freshness.
const RENEWAL_MILLIS: u64 = FRESH_SECS * 1000 / 2;

/// How often the edge is asked whether it has the next link yet, and whether a renewal is due.
const ROUND: Duration = Duration::from_secs(5);

/// Why a push is no acknowledged one. No secret is in it, and nothing that the edge wrote but a code of ours.
#[derive(Debug, thiserror::Error)]
enum PushError {
    #[error(transparent)]
    Asked(#[from] AskError),
    #[error("the edge holds version {0}, which is newer than ours; after a restored backup, rotate the edge link")]
    Stale(u64),
    #[error("there is no edge link")]
    NoLink,
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("{0}")]
    Origin(String),
}

impl PushError {
    /// In a word, for the metrics.
    fn result(&self) -> &'static str {
        match self {
            Self::Asked(error) => error.result(),
            Self::Stale(_) => "stale",
            Self::NoLink => "no_link",
            Self::Registry(_) => "registry",
            Self::Origin(_) => "origin",
        }
    }
}

impl From<OpenError> for PushError {
    fn from(error: OpenError) -> Self {
        Self::Origin(error.to_string())
    }
}

impl From<Denial> for PushError {
    fn from(denial: Denial) -> Self {
        Self::Origin(denial.code.as_str().to_owned())
    }
}

/// Pushes the outbox of an origin to its edge.
pub struct Pusher {
    origin: Origin,
    metrics: Arc<Metrics>,
    edge: EdgeClient,
}

impl Pusher {
    /// A pusher to the edge at `edge_url`, which the configuration has checked.
    ///
    /// # Errors
    /// Certificates or the HTTP client that cannot be set up.
    pub fn new(origin: Origin, metrics: Arc<Metrics>, edge_url: &str) -> Result<Arc<Self>, PushSetupError> {
        Ok(Arc::new(Self { origin, metrics, edge: EdgeClient::new(edge_url)? }))
    }

    /// Pushes for as long as it is polled. Dropping it loses nothing: what was not acknowledged is sent again.
    pub async fn run(self: Arc<Self>) {
        tokio::join!(self.rounds(), self.pushes());
    }

    async fn pushes(self: &Arc<Self>) {
        let queued = self.origin.registry.queued();
        let mut pushes = JoinSet::new();
        let mut sent = HashMap::new();
        loop {
            let free = CONCURRENT.saturating_sub(pushes.len());
            sent.retain(|_, at: &mut Instant| at.elapsed() < SECOND);
            for waiting in self.lease(free).await {
                let not_before = sent.get(&waiting.name.to_string()).map(|at| *at + SECOND);
                let start = not_before.unwrap_or_else(Instant::now);
                sent.insert(waiting.name.to_string(), start);
                let this = Arc::clone(self);
                pushes.spawn(async move {
                    tokio::time::sleep_until(start).await;
                    this.push(waiting).await;
                });
            }
            tokio::select! {
                _ = pushes.join_next(), if !pushes.is_empty() => {}
                () = queued.notified() => {}
                () = tokio::time::sleep(SECOND) => {}
            }
        }
    }

    async fn lease(&self, free: usize) -> Vec<Waiting> {
        let most = u32::try_from(free).unwrap_or(0);
        let now = self.origin.clock.millis();
        self.leased(most, now).await.unwrap_or_else(|error| {
            self.metrics.registry_failed();
            tracing::error!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    async fn leased(&self, most: u32, now: u64) -> Result<Vec<Waiting>, RegistryError> {
        // Most of the time nothing is due, which needs no change.
        if most == 0 || !self.origin.registry.is_outbox_due(now).await? {
            return Ok(Vec::new());
        }
        let mut change = self.origin.registry.change(&Author::system(now)).await?;
        let leased = change.lease_outbox(most, now + LEASE_MILLIS).await?;
        change.commit().await?;
        Ok(leased)
    }

    async fn renew(&self, now: u64) -> Result<bool, RegistryError> {
        let mut change = self.origin.registry.change(&Author::system(now)).await?;
        let renewed = change.renew_outbox(now.saturating_sub(RENEWAL_MILLIS)).await?;
        change.commit().await?;
        Ok(renewed)
    }

    /// What is to be done from time to time: renewal, and the next link.
    async fn rounds(&self) {
        loop {
            let now = self.origin.clock.millis();
            match self.renew(now).await {
                Ok(true) => tracing::info!("every record is queued for the edge"),
                Ok(false) => {}
                Err(error) => {
                    self.metrics.registry_failed();
                    tracing::error!(%error, "records cannot be queued for renewal");
                }
            }
            if let Ok(waiting) = self.origin.registry.outbox_len().await {
                self.metrics.outbox_counted(waiting);
            }
            if let Err(error) = self.offer_next_link().await {
                tracing::info!(%error, "the edge does not have the next edge link yet");
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Asks the edge, by a push of nothing but the proof, under the next link, whether it has that; then everything moves to it.
    async fn offer_next_link(&self) -> Result<(), PushError> {
        let rows = self.origin.registry.edge_links().await?;
        let current = rows.iter().find(|link| link.is_current).map_or(0, |link| link.created_at);
        for next in rows.iter().filter(|link| link.created_at > current) {
            let keys = self.origin.link_secret(next)?.keys();
            self.post(&keys, PROBE.to_owned()).await?;
            super::adopt(&self.origin, &next.id).await?;
        }
        Ok(())
    }

    async fn push(&self, waiting: Waiting) {
        let name = waiting.name.to_string();
        let sent = self.send(&waiting).await;
        self.metrics.record_pushed(sent.as_ref().map_or_else(PushError::result, |_| "held"));
        let done = match sent {
            Ok(version) => {
                tracing::info!(name, version, "the edge holds the record");
                self.finish(&waiting, version).await
            }
            Err(error) => {
                let secs = 1_u64.checked_shl(waiting.attempts).unwrap_or(u64::MAX).min(MAX_BACKOFF_SECS);
                tracing::warn!(name, version = waiting.version, %error, retry_secs = secs, "the record is not pushed");
                self.put_off(&waiting, secs).await
            }
        };
        if let Err(error) = done {
            self.metrics.registry_failed();
            // The lease runs out, and it is sent again.
            tracing::error!(%error, "the outbox cannot be written");
        }
    }

    async fn finish(&self, waiting: &Waiting, version: u64) -> Result<(), RegistryError> {
        let mut change = self.origin.registry.change(&Author::edge(self.origin.clock.millis())).await?;
        change.finish_outbox(waiting, version).await?;
        change.commit().await
    }

    async fn put_off(&self, waiting: &Waiting, secs: u64) -> Result<(), RegistryError> {
        let now = self.origin.clock.millis();
        let mut change = self.origin.registry.change(&Author::system(now)).await?;
        change.put_off_outbox(waiting, now + secs * 1000).await?;
        change.commit().await
    }

    /// The version that the edge holds now: that of the record as it stands, or a newer one never.
    async fn send(&self, waiting: &Waiting) -> Result<u64, PushError> {
        let links = self.origin.link_keys().await?;
        let keys = links.first().ok_or(PushError::NoLink)?;
        let sealer = Sealer { origin: &self.origin, keys };
        let registry = &self.origin.registry;
        let sealed = match &waiting.name {
            RecordName::Key(key) => match registry.key(*key).await? {
                Some(row) => {
                    let record = self.origin.key_record(&row)?;
                    Some((row.version, sealer.seal(Kind::Key, &key.to_string(), row.version, &record)?))
                }
                None => None,
            },
            RecordName::Project(slug) => match registry.project_for_edge(slug).await? {
                Some(row) => {
                    let record = row.value.record();
                    Some((row.version, sealer.seal(Kind::Project, slug.as_str(), row.version, &record)?))
                }
                None => None,
            },
        };
        let Some((version, sealed)) = sealed else {
            // Nothing is there to be pushed.
            return Ok(waiting.version);
        };
        let answer = self.post(keys, format!("{}\n{sealed}", waiting.name)).await?;
        let (standing, held) = answer.trim_end().split_once(' ').ok_or(AskError::Foreign)?;
        let held = held.parse().map_err(|_| AskError::Foreign)?;
        match standing {
            "held" if held == version => Ok(version),
            "stale" => Err(PushError::Stale(held)),
            _ => Err(AskError::Foreign.into()),
        }
    }

    async fn post(&self, keys: &LinkKeys, body: String) -> Result<String, PushError> {
        Ok(self.edge.post(keys, self.origin.clock.secs(), body).await?)
    }
}
