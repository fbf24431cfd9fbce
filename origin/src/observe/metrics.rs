//! What is counted and measured, in the OpenMetrics text format that Prometheus reads.
//!
//! One method an event; whoever sees the event calls it. Every set of labels is bounded by construction: denial codes,
//! statuses, formats and results are ours, a route is the pattern that the router matched.

use std::fmt::{Debug, Error};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds in seconds: from an answer out of memory to the deadlines of a fetch and of image work, 60 s at most.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// A histogram for each set of labels.
type Timed<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivered {
    outcome: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFormat {
    format: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEvent {
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Administered {
    method: &'static str,
    route: String,
    status: u16,
}

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Delivered, Counter>,
    request_seconds: Histogram,
    image_work_seconds: Timed<OfFormat>,
    source_fetch_seconds: Timed<OfKind>,
    work_in_progress: Gauge,
    derivatives: Family<Ended, Counter>,
    derivative_memory: Gauge,
    derivative_folder: Arc<OnceLock<PathBuf>>,
    derivative_disk_errors: Counter,
    outbox_waiting: Gauge,
    edge_push: Family<Ended, Counter>,
    edge_events: Family<OfEvent, Counter>,
    registry_errors: Counter,
    logins: Family<Ended, Counter>,
    admin_requests: Family<Administered, Counter>,
}

impl Metrics {
    /// Metrics at zero, of a process that starts at `started_secs` (unix seconds).
    #[must_use]
    pub fn new(started_secs: u64) -> Self {
        let seconds = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: seconds(),
            image_work_seconds: Timed::new_with_constructor(seconds),
            source_fetch_seconds: Timed::new_with_constructor(seconds),
            work_in_progress: Gauge::default(),
            derivatives: Family::default(),
            derivative_memory: Gauge::default(),
            derivative_folder: Arc::default(),
            derivative_disk_errors: Counter::default(),
            outbox_waiting: Gauge::default(),
            edge_push: Family::default(),
            edge_events: Family::default(),
            registry_errors: Counter::default(),
            logins: Family::default(),
            admin_requests: Family::default(),
        };
        metrics.register(started_secs);
        metrics
    }

    /// Names them. The format adds `_total` to a counter and `_info` to an info.
    fn register(&mut self, started_secs: u64) {
        let Self { registry, .. } = self;
        registry.register_collector(Box::new(Process { started_secs }));
        let ours = registry.sub_registry_with_prefix("sealpix");
        ours.register("build", "The running version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        ours.register("requests", "Answers to requests for pictures", self.requests.clone());
        ours.register("request_seconds", "Time from a request's head to its answer", self.request_seconds.clone());
        ours.register("image_work_seconds", "Image work by the format made", self.image_work_seconds.clone());
        ours.register("source_fetch_seconds", "Fetches of originals", self.source_fetch_seconds.clone());
        ours.register("work_in_progress", "Image work that has a core", self.work_in_progress.clone());
        ours.register("derivatives", "Pictures asked for, by where they came from", self.derivatives.clone());
        ours.register_with_unit(
            "derivative_memory",
            "Finished pictures held in memory",
            Unit::Bytes,
            self.derivative_memory.clone(),
        );
        ours.register_collector(Box::new(DiskTaken(Arc::clone(&self.derivative_folder))));
        ours.register(
            "derivative_disk_errors",
            "Finished pictures that could not be read from disk or were not written for want of room",
            self.derivative_disk_errors.clone(),
        );
        ours.register("outbox_waiting", "Records that the edge does not have yet", self.outbox_waiting.clone());
        ours.register("edge_push", "Records pushed to the edge", self.edge_push.clone());
        ours.register("edge_events", "What edges report beside usage", self.edge_events.clone());
        ours.register("registry_errors", "Questions that the database did not answer", self.registry_errors.clone());
        ours.register("logins", "Logins that were tried", self.logins.clone());
        ours.register("admin_requests", "Requests to the API by route", self.admin_requests.clone());
    }

    /// All of them as OpenMetrics text.
    ///
    /// # Errors
    /// None that a `String` can cause.
    pub fn text(&self) -> Result<String, Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    /// A request for a picture was answered: `outcome` is `ok`, `not_modified` or a denial's code.
    pub fn request_answered(&self, outcome: &'static str, status: StatusCode, took: Duration) {
        self.requests.get_or_create(&Delivered { outcome, status: status.as_u16() }).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// A picture was made.
    pub fn picture_made(&self, format: &'static str, took: Duration) {
        self.image_work_seconds.get_or_create(&OfFormat { format }).observe(took.as_secs_f64());
    }

    /// A fetch ended, well or not: of kind `remote` (a URL) or `named` (a configured source).
    pub fn source_fetched(&self, kind: &'static str, took: Duration) {
        self.source_fetch_seconds.get_or_create(&OfKind { kind }).observe(took.as_secs_f64());
    }

    /// Image work begins; it ends when the guard is dropped.
    pub fn work_begins(&self) -> WorkInProgress {
        self.work_in_progress.inc();
        WorkInProgress(self.work_in_progress.clone())
    }

    /// A picture was asked for by a request that is admitted: `result` is where it is to come from.
    pub fn derivative_asked(&self, result: &'static str) {
        self.derivatives.get_or_create(&Ended { result }).inc();
    }

    /// Finished pictures take so many bytes of memory.
    pub fn derivatives_held(&self, bytes: usize) {
        self.derivative_memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Finished pictures are kept on disk, in this folder.
    pub fn derivative_folder(&self, folder: PathBuf) {
        let _ = self.derivative_folder.set(folder);
    }

    /// The disk failed a finished picture.
    pub fn derivative_disk_failed(&self) {
        self.derivative_disk_errors.inc();
    }

    /// So many records wait for the edge.
    pub fn outbox_counted(&self, waiting: u64) {
        self.outbox_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// A push to the edge ended: `result` is `held` or why it is not.
    pub fn record_pushed(&self, result: &'static str) {
        self.edge_push.get_or_create(&Ended { result }).inc();
    }

    /// An edge reports that something happened to it so many times: a failure, or refusals of one code.
    pub fn edge_had(&self, event: &'static str, count: u64) {
        self.edge_events.get_or_create(&OfEvent { event }).inc_by(count);
    }

    /// The database did not answer, or not as it should.
    pub fn registry_failed(&self) {
        self.registry_errors.inc();
    }

    /// A login ended: `result` is `ok` or why it was refused.
    pub fn login_ended(&self, result: &'static str) {
        self.logins.get_or_create(&Ended { result }).inc();
    }

    /// The API answered. `route` is the pattern that matched, so that no path of a client becomes a label.
    pub fn admin_answered(&self, method: &Method, route: &MatchedPath, status: StatusCode) {
        let (route, status) = (route.as_str().to_owned(), status.as_u16());
        self.admin_requests.get_or_create(&Administered { method: known(method), route, status }).inc();
    }
}

/// A method's name: a client may invent methods, but not labels.
pub(super) fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// A piece of image work that is under way.
#[derive(Debug)]
pub struct WorkInProgress(Gauge);

impl Drop for WorkInProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is read when it is asked for.
#[derive(Debug)]
struct Process {
    started_secs: u64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut gauge = |name, help, unit, value: u64| {
            let metric = encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        gauge("process_start_time", "Start, in seconds since 1970", Unit::Seconds, self.started_secs)?;
        match resident_bytes() {
            Some(bytes) => gauge("process_resident_memory", "Memory held", Unit::Bytes, bytes),
            None => Ok(()),
        }
    }
}

/// The disk that a folder's files take, read when it is asked for.
#[derive(Debug)]
struct DiskTaken(Arc<OnceLock<PathBuf>>);

impl Collector for DiskTaken {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let Some(bytes) = self.0.get().and_then(|folder| bytes_taken(folder).ok()) else { return Ok(()) };
        let help = "Disk that finished pictures take";
        let metric = encoder.encode_descriptor("derivative_disk", help, Some(&Unit::Bytes), MetricType::Gauge)?;
        ConstGauge::new(bytes).encode(metric)
    }
}

/// What is set aside for a folder's files, without what is only promised to them.
fn bytes_taken(folder: &Path) -> std::io::Result<u64> {
    let blocks = std::fs::read_dir(folder)?.map(|entry| entry?.metadata().map(|file| file.blocks()));
    Ok(blocks.sum::<std::io::Result<u64>>()? * 512)
}

/// The memory that the process holds, where the system tells it as Linux does (proc_pid_status(5)).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_in_the_text() {
        let metrics = Metrics::new(1_700_000_000);
        metrics.request_answered("ok", StatusCode::OK, Duration::from_millis(20));
        metrics.request_answered("rate_limited", StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(45));
        metrics.picture_made("avif", Duration::from_millis(300));
        metrics.source_fetched("remote", Duration::from_millis(30));
        let work = metrics.work_begins();
        metrics.derivative_asked("joined");
        metrics.derivatives_held(4096);
        metrics.outbox_counted(7);
        metrics.record_pushed("held");
        metrics.edge_had("kv_failure", 3);
        metrics.registry_failed();
        metrics.login_ended("ok");
        let text = metrics.text().unwrap();
        for line in [
            "sealpix_requests_total{outcome=\"ok\",status=\"200\"} 1",
            "sealpix_requests_total{outcome=\"rate_limited\",status=\"429\"} 1",
            "sealpix_request_seconds_count 2",
            "sealpix_request_seconds_bucket{le=\"30.0\"} 1",
            "sealpix_image_work_seconds_count{format=\"avif\"} 1",
            "sealpix_source_fetch_seconds_count{kind=\"remote\"} 1",
            "sealpix_work_in_progress 1",
            "sealpix_derivatives_total{result=\"joined\"} 1",
            "sealpix_derivative_memory_bytes 4096",
            "sealpix_outbox_waiting 7",
            "sealpix_edge_push_total{result=\"held\"} 1",
            "sealpix_edge_events_total{event=\"kv_failure\"} 3",
            "sealpix_registry_errors_total 1",
            "sealpix_logins_total{result=\"ok\"} 1",
            &format!("sealpix_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
            "process_start_time_seconds 1700000000",
        ] {
            assert!(text.lines().any(|held| held == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        drop(work);
        assert!(metrics.text().unwrap().contains("sealpix_work_in_progress 0\n"));
    }

    #[test]
    fn an_invented_method_is_no_label() {
        assert_eq!(known(&Method::PATCH), "PATCH");
        assert_eq!(known(&Method::from_bytes(b"PROPFIND").unwrap()), "other");
        assert_eq!(known(&Method::from_bytes(b"get").unwrap()), "other");
    }

    #[test]
    fn the_memory_held_is_more_than_none() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
