//! What is forgotten after a time, in the server: every ten minutes, and once at the start.
//!
//! Each pass is one change, which has the registry to itself: of several instances one does it at a time, and the others
//! find nothing left.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{OpenError, Origin};
use crate::registry::{Author, RegistryError};

const MINUTE: Duration = Duration::from_secs(60);

/// Minutes from one pass to the next.
const PASS_MINUTES: u32 = 10;

const MINUTE_MILLIS: u64 = 60_000;
const DAY_MILLIS: u64 = 86_400_000;

/// How long the ids of the edge's reports are kept: far longer than it sends one again.
const REPORT_DAYS: u64 = 2;

/// How long failed logins count against nobody before they are forgotten.
const ATTEMPT_DAYS: u64 = 1;

/// Runs until the process ends. Login failures are summed up every minute.
pub async fn run(origin: Origin) {
    let mut minutes = interval(MINUTE);
    minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for minute in (0..PASS_MINUTES).cycle() {
        // The first is at once.
        minutes.tick().await;
        if let Err(error) = sum_up(&origin).await {
            tracing::error!(%error, "login failures cannot be summed up");
        }
        if minute == 0 {
            match forget(&origin).await {
                Ok(forgotten) => tracing::debug!(?forgotten, "what had its time is forgotten"),
                Err(error) => tracing::error!(%error, "what had its time cannot be forgotten"),
            }
        }
    }
}

async fn sum_up(origin: &Origin) -> Result<(), RegistryError> {
    let mut change = origin.registry.change(&Author::system(origin.clock.millis())).await?;
    change.sum_up_login_failures().await?;
    change.commit().await
}

/// How many rows a pass removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Entries of the audit log.
    pub audit: u64,
    /// Counts of requests.
    pub usage: u64,
    /// Ids of the edge's reports.
    pub reports: u64,
    /// Single requests.
    pub requests: u64,
    /// Sessions that are over.
    pub sessions: u64,
    /// Subjects of failed logins.
    pub attempts: u64,
    /// Keys of idempotent requests.
    pub answers: u64,
}

/// One pass.
pub async fn forget(origin: &Origin) -> Result<Forgotten, OpenError> {
    let now = origin.clock.millis();
    let before = |days: u64| now.saturating_sub(days.saturating_mul(DAY_MILLIS));
    let audit = before(origin.number("audit.retention_days").await?);
    let usage = before(origin.number("usage.retention_days").await?);
    let requests = before(origin.number("request_log.retention_days").await?);
    let mut change = origin.registry.change(&Author::system(now)).await?;
    let forgotten = Forgotten {
        audit: change.prune_audit_log(audit).await?,
        usage: change.prune_usage(usage / MINUTE_MILLIS).await?,
        reports: change.prune_usage_reports(before(REPORT_DAYS)).await?,
        requests: change.prune_request_log(requests).await?,
        sessions: change.sweep_sessions().await?,
        attempts: change.sweep_attempts(before(ATTEMPT_DAYS)).await?,
        answers: change.sweep_answers().await?,
    };
    change.commit().await?;
    Ok(forgotten)
}
