//! `/healthz`: the process answers. `/readyz`: it can also do its work, and wants more of it.
//!
//! Neither waits in the queue of image work (OPS-1). The answer names the checks and says `ok` or `failed`; why is in
//! the log. A check that anybody may ask for is done once a second at most, whoever asks how often.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Serialize, Serializer};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::metrics::Metrics;
use crate::origin::Origin;

/// How long a check may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(1);

/// Where they answer, on the service's port and on that of the metrics.
pub const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Written into the data folder and removed again. A block, so that a full disk refuses it.
const TRIAL_FILE: &str = ".readyz";
const TRIAL: [u8; 4096] = [0; 4096];

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Ok,
    Failed,
    Draining,
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Draining => "draining",
        })
    }
}

/// The answer of `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Readiness {
    process: Check,
    database: Check,
    secrets: Check,
    data_folder: Check,
}

impl Readiness {
    fn is_ready(self) -> bool {
        [self.process, self.database, self.secrets, self.data_folder].iter().all(|check| *check == Check::Ok)
    }
}

/// Whether this process is well.
pub struct Health {
    origin: Origin,
    metrics: Arc<Metrics>,
    draining: AtomicBool,
    last: Mutex<Option<(Instant, Readiness)>>,
}

impl Health {
    /// The health of a process that serves an open origin.
    #[must_use]
    pub fn new(origin: Origin, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { origin, metrics, draining: AtomicBool::new(false), last: Mutex::new(None) })
    }

    /// From now on it is not ready: it ends what it has begun.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let [healthz, readyz] = PATHS;
        Router::new().route(healthz, get(alive)).route(readyz, get(ready)).with_state(Arc::clone(self))
    }

    async fn readiness(&self) -> Readiness {
        let mut last = self.last.lock().await;
        let known = last.filter(|(at, _)| at.elapsed() < FRESH);
        let checked = match known {
            Some((_, checked)) => checked,
            None => self.check().await,
        };
        if known.is_none() {
            *last = Some((Instant::now(), checked));
        }
        let draining = self.draining.load(Ordering::Relaxed);
        Readiness { process: if draining { Check::Draining } else { Check::Ok }, ..checked }
    }

    async fn check(&self) -> Readiness {
        let config = Arc::clone(&self.origin.config);
        let writing = async {
            let look = move || {
                check_space(&config.data_dir, config.min_free_disk_bytes).and_then(|()| try_to_write(&config.data_dir))
            };
            tokio::task::spawn_blocking(look).await?
        };
        let (database, secrets, data_folder) = tokio::join!(
            passed("database", DEADLINE, self.origin.registry.ping()),
            passed("secrets", DEADLINE, self.origin.prove_keys()),
            passed("data_folder", DEADLINE, writing),
        );
        if database == Check::Failed {
            self.metrics.registry_failed();
        }
        Readiness { process: Check::Ok, database, secrets, data_folder }
    }
}

/// Whether a check ends well and in time. Why not is for the log alone.
async fn passed<T, E: std::fmt::Display>(
    check: &'static str,
    deadline: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Check {
    match timeout(deadline, work).await {
        Ok(Ok(_)) => Check::Ok,
        Ok(Err(error)) => {
            tracing::error!(check, %error, "not ready");
            Check::Failed
        }
        Err(_) => {
            tracing::error!(check, "not ready: no answer in time");
            Check::Failed
        }
    }
}

/// What is free, for this process, on the disk of a folder.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether the folder's disk has room left.
fn check_space(folder: &Path, least_bytes: u64) -> std::io::Result<()> {
    let free_bytes = free_bytes(folder)?;
    if free_bytes < least_bytes {
        return Err(std::io::Error::other(format!("{free_bytes} bytes are free, fewer than {least_bytes}")));
    }
    Ok(())
}

fn try_to_write(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = folder.join(TRIAL_FILE);
    let mut file = std::fs::File::options().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
    let written = file.write_all(&TRIAL);
    match std::fs::remove_file(&path) {
        // Another process on this folder was faster.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => written,
        removed => written.and(removed),
    }
}

async fn alive() -> Response {
    ([(CONTENT_TYPE, "text/plain"), (CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let readiness = health.readiness().await;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_writable_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        try_to_write(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves nothing behind");
        let path = folder.path().to_owned();
        folder.close().unwrap();
        assert!(try_to_write(&path).is_err());
    }

    #[test]
    fn a_disk_with_less_room_than_asked_for_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        check_space(folder.path(), 1).unwrap();
        let refused = check_space(folder.path(), u64::MAX).unwrap_err().to_string();
        assert!(refused.contains("bytes are free"), "{refused}");
    }

    #[tokio::test]
    async fn a_check_that_does_not_end_has_failed() {
        let never = std::future::pending::<Result<(), std::io::Error>>();
        assert_eq!(passed("database", Duration::from_millis(1), never).await, Check::Failed);
    }

    #[test]
    fn one_failure_is_enough_and_the_answer_has_no_detail() {
        let well = Readiness { process: Check::Ok, database: Check::Ok, secrets: Check::Ok, data_folder: Check::Ok };
        assert!(well.is_ready());
        let ill = [
            Readiness { process: Check::Draining, ..well },
            Readiness { database: Check::Failed, ..well },
            Readiness { secrets: Check::Failed, ..well },
            Readiness { data_folder: Check::Failed, ..well },
        ];
        assert!(ill.iter().all(|one| !one.is_ready()));
        let text = serde_json::to_string(&ill[1]).unwrap();
        assert_eq!(text, r#"{"process":"ok","database":"failed","secrets":"ok","data_folder":"ok"}"#);
    }
}
