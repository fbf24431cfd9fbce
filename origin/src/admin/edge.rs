//! Whether the edge has learnt of a change.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use super::Admin;
use crate::registry::{RecordName, RegistryError};

/// How long an answer waits for the edge.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the outbox is looked at meanwhile: a push takes some tens of milliseconds.
const INTERVAL: Duration = Duration::from_millis(20);

/// What the edge knows of a change when it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Edge {
    /// It has it.
    Acknowledged,
    /// Not within 5 seconds; it is pushed until it has it.
    Pending,
    /// There is no edge to push to: SEALPIX_EDGE_URL is not set.
    None,
}

/// A thing as it is after its change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed<T: ToSchema> {
    /// The thing.
    #[serde(flatten)]
    pub(super) now: T,
    /// Whether the edge has it.
    pub(super) edge: Edge,
}

impl Admin {
    /// Waits until the edge has these records, for 5 seconds at most. No change is held meanwhile. The change has been
    /// made: a registry that does not answer now does not undo it.
    pub(super) async fn told(&self, names: &[RecordName]) -> Edge {
        if self.origin.config.edge_url.is_none() {
            return Edge::None;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.is_any_waiting(names).await {
                Ok(false) => return Edge::Acknowledged,
                Ok(true) if Instant::now() < until => sleep(INTERVAL).await,
                Ok(true) => return Edge::Pending,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    return Edge::Pending;
                }
            }
        }
    }

    async fn is_any_waiting(&self, names: &[RecordName]) -> Result<bool, RegistryError> {
        for name in names {
            if self.origin.registry.is_waiting(name).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
