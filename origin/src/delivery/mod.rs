//! Delivery: the way of a request for a picture, from its first byte to its answer.
//!
//! [`deliver`] is that way, top to bottom. The gate stands here again, before anything is fetched, also behind an edge
//! that has asked it already: a forged edge gains nothing (SIG-17).

mod answer;
mod circumstances;
mod counters;
mod fallback;
mod hands;
pub mod journal;
mod marks;
mod refusal;
mod work;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, StatusCode};
use sealpix::denial::{Code, Denial};
use sealpix::encoding::hex;
use sealpix::gate::{self, Admission};
use sealpix::operations::Operations;
use sealpix::record::ProjectRecord;
use sealpix::source::Source as Asked;
use sealpix::target::{Slug, Target};
use sealpix::usage::Outcome;
use sha2::{Digest as _, Sha256};

use answer::Frame;
pub use answer::problem;
use circumstances::{Circumstances, Facts};
pub(crate) use refusal::of_source;
use work::Task;
pub use work::Work;

use crate::clock::NoEntropy;
use crate::derivatives::{Derivatives, Kept, Made, Name, Progress};
use crate::images::Settings;
use crate::observe::metrics::Metrics;
use crate::observe::request_id;
use crate::origin::{OpenError, Origin};
use crate::registry::{Project, Versioned};
use crate::sources::configured::Configured;
use crate::sources::{FetchLimits, Fetched, Validator};
use counters::Counters;
use journal::{Journal, Noted};
use marks::Marks;

/// Why delivery does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// No threads.
    #[error("the threads for image work do not start: {0}")]
    Threads(#[from] std::io::Error),
}

/// What delivery works with.
pub struct Delivery {
    /// Configuration, vault, registry, clock.
    pub origin: Origin,
    /// What it counts and measures.
    pub metrics: Arc<Metrics>,
    /// What it writes down of requests.
    pub journal: Journal,
    sources: Arc<Configured>,
    counters: Counters,
    work: Work,
    marks: Marks,
    derivatives: Derivatives,
}

impl Delivery {
    /// Delivery over an open origin.
    ///
    /// # Errors
    /// The system gives no randomness, or no threads.
    pub async fn start(origin: Origin, metrics: Arc<Metrics>, sources: Arc<Configured>) -> Result<Self, StartError> {
        let config = &origin.config;
        let (memory_bytes, settings) = (config.work_memory_bytes, config.images);
        let work = Work::start(config.work_deadline, memory_bytes, settings, Arc::clone(&metrics))?;
        let derivatives = Derivatives::open(&config.derivatives, Arc::clone(&origin.clock), Arc::clone(&metrics)).await;
        let journal = Journal::new()?;
        let (counters, marks) = (Counters::default(), Marks::default());
        Ok(Self { origin, metrics, journal, sources, counters, work, marks, derivatives })
    }

    /// Writes the finished pictures that wait for the disk, at the end.
    pub async fn close(&self) {
        self.derivatives.close().await;
    }
}

/// Answers a request that no route has taken: a signed URL, or a refusal.
pub async fn deliver(State(delivery): State<Arc<Delivery>>, request: Request<Body>) -> Response<Body> {
    let started = tokio::time::Instant::now();
    // A request for a picture has no body that anybody reads.
    let (request, _) = request.into_parts();
    let circumstances = Circumstances::of(&delivery, &request).await;
    let request_id = circumstances.request_id.clone();
    let project = request.uri.path().split('/').nth(1).and_then(Slug::new);
    tracing::Span::current()
        .record("request_id", request_id.as_str())
        .record("project", project.as_ref().map(Slug::as_str));
    let mut noted = Noted::default();
    let result = match request.method {
        Method::OPTIONS => Ok(answer::preflight()),
        _ => way(&delivery, circumstances, &request, &mut noted).await,
    };
    let (outcome, mut response) = match result {
        Ok(response) if response.status() == StatusCode::NOT_MODIFIED => (Outcome::NotModified, response),
        // A project's fallback is a refusal that shows a picture.
        Ok(response) if response.status() == status(Code::SourceNotFound) => {
            (Outcome::Denied(Code::SourceNotFound), response)
        }
        Ok(response) => (Outcome::Ok, response),
        Err(denial) => (Outcome::Denied(denial.code), problem(&denial, request_id.as_str())),
    };
    response.headers_mut().insert(request_id::HEADER, request_id.header_value());
    delivery.metrics.request_answered(outcome.as_str(), response.status(), started.elapsed());
    delivery.journal.note(noted, outcome, &response, started.elapsed(), delivery.origin.clock.millis());
    response
}

/// The straight line.
async fn way(
    delivery: &Arc<Delivery>,
    circumstances: Circumstances,
    request: &Parts,
    noted: &mut Noted,
) -> Result<Response<Body>, Denial> {
    let facts = circumstances.facts?;
    noted.is_counted = facts.counted_by_us;
    let target = gate::read(request.method.as_str(), circumstances::raw_target(request)?)?;
    let (admission, project) = admit(delivery, &target, &facts, noted).await?;
    require_epochs(&admission, facts.epochs)?;
    let standing = if facts.counted_by_us {
        Some(delivery.counters.take(target.request().key, admission.limits, facts.now)?)
    } else {
        None
    };
    let (operations, varies) = facts.accept.resolve(&admission.operations);
    let frame = Frame { admission: &admission, operations: &operations, varies, now: facts.now, standing };
    match picture(delivery, &frame, &project, request).await {
        Err(denial) if denial.code == Code::SourceNotFound => {
            fallback::shown(delivery, &frame, &project, request.method == Method::HEAD).await.ok_or(denial)
        }
        answered => answered,
    }
}

/// The picture that was asked for, or that the client has it.
async fn picture(
    delivery: &Arc<Delivery>,
    frame: &Frame<'_>,
    project: &Versioned<Project>,
    request: &Parts,
) -> Result<Response<Body>, Denial> {
    let Frame { admission, operations, .. } = *frame;
    let settings = delivery.origin.config.images;
    let name = Name::of(admission, operations, project.version, settings);
    let mut asked = delivery.derivatives.ask(name, |progress| {
        make(Arc::clone(delivery), admission.clone(), project.value.record(), operations.clone(), progress)
    })?;
    let etag = etag(&asked.source_version().await?, admission, operations, settings);
    if Frame::is_not_modified(request, &etag) {
        if Frame::is_any_held(request) {
            asked.made().await?;
        }
        return Ok(frame.not_modified(&etag));
    }
    Ok(frame.picture(asked.made().await?, &etag, request.method == Method::HEAD))
}

/// Finds the picture on disk, or fetches the source, if it has changed, and does the work on it, for everyone who waits.
async fn make(
    delivery: Arc<Delivery>,
    admission: Admission,
    project: ProjectRecord,
    operations: Operations,
    mut progress: Progress,
) -> Result<Kept, Denial> {
    if let Some(kept) = progress.on_disk().await {
        return Ok(kept);
    }
    let whose = match &admission.source {
        Asked::Remote(remote) => remote.host().to_owned(),
        Asked::Named { name, .. } => format!("@{name}"),
    };
    if progress.validator().is_none() {
        delivery.work.require_short_queue()?;
    }
    let mut place = delivery.work.enter(&whose, delivery.origin.config.fetch.max_bytes).await?;
    let mark = delivery.marks.find(&delivery.origin.registry, &project, &operations).await?;
    let fetching = tokio::time::Instant::now();
    let source = fetch(&delivery, &admission, &project, progress.validator()).await;
    let kind = if matches!(admission.source, Asked::Remote(_)) { "remote" } else { "named" };
    delivery.metrics.source_fetched(kind, fetching.elapsed());
    let Some(source) = source? else { return progress.unchanged() };
    let source_version: Arc<str> = match &mark {
        // What it is made of: a changed watermark is another picture under another ETag.
        Some(mark) => format!("{} {}", source.version, mark.version).into(),
        None => source.version.into(),
    };
    if let Some(kept) = progress.unchanged_content(&source_version, source.validator.as_ref()) {
        return Ok(kept);
    }
    place.shrink_to(source.bytes.len());
    progress.fetched(Arc::clone(&source_version)).await;
    let mark = mark.map(|found| found.mark);
    let is_negotiated = admission.became_avif(&operations);
    let derivative = delivery.work.run(place, Task { source: source.bytes, operations, mark, is_negotiated }).await?;
    let made = Made { source_version, bytes: derivative.bytes.into_boxed_slice().into(), format: derivative.format };
    Ok(progress.made(made, source.validator))
}

/// The gate's rows 3 to 10 against our own registry.
async fn admit(
    delivery: &Delivery,
    target: &Target<'_>,
    facts: &Facts,
    noted: &mut Noted,
) -> Result<(Admission, Versioned<Project>), Denial> {
    let asked = target.request();
    let rows = delivery.origin.registry.key_and_project(asked.key, &asked.project).await;
    let (key, project) = rows.inspect_err(|_| delivery.metrics.registry_failed()).map_err(|error| internal(&error))?;
    noted.asked(key.as_ref(), asked);
    let key = key.map(|key| delivery.origin.key_record(&key)).transpose().map_err(|error| internal(&error))?;
    let record = project.as_ref().map(|project| project.value.record());
    let admission = gate::admit(target, facts.referer.as_deref(), key.as_ref(), record.as_ref(), facts.now)?;
    let project = project.ok_or(Code::ProjectMismatch)?;
    Ok((admission, project))
}

/// Seconds after which an origin has most likely caught up: a replica's lag, not a restored backup.
const BEHIND_RETRY_SECS: u64 = 2;

/// Refuses work for an edge that knows of a purge that we do not: a backup was restored under it, or our database lags.
///
/// This is what makes a purge final. The edge names what it stores by its own epochs, and our answer may go under that name
/// only if the source's bytes are read after the purge was committed. They are: our epochs, at least the edge's, were read
/// from the registry before the source is fetched, and what is shared between requests or kept
/// ([`Derivatives`]) has [`Admission::epochs`] in its name. An answer that was begun before the purge goes under the name of the
/// epochs that its edge knew then. Epochs are compared in their order: a project's stands above those
/// of its sources, which it empties.
fn require_epochs(admission: &Admission, known: Option<(u64, u64)>) -> Result<(), Denial> {
    match known {
        Some(known) if admission.epochs < known => {
            let detail =
                "the edge knows of a purge that this origin does not; after a restored backup, purge the project";
            Err(Denial { retry_after_secs: Some(BEHIND_RETRY_SECS), ..Denial::new(Code::OriginBehind, detail) })
        }
        _ => Ok(()),
    }
}

/// The source's bytes; none if they are those that came with `held`. Redirects, where they are on, lead only to what the
/// project's rules admit.
async fn fetch(
    delivery: &Delivery,
    admission: &Admission,
    project: &ProjectRecord,
    held: Option<&Validator>,
) -> Result<Option<Fetched>, Denial> {
    let fetch = &delivery.origin.config.fetch;
    let limits = FetchLimits { max_bytes: fetch.max_bytes, deadline: fetch.deadline };
    let fetched = match &admission.source {
        Asked::Remote(remote) => {
            let admits = |target: &str| admits_redirect(project, target);
            delivery.sources.http().fetch_unless(&remote.authority_path_query(), &limits, &admits, held).await
        }
        Asked::Named { name, text } => {
            let grant = project.grant(name).ok_or(Code::SourceDenied)?;
            let source = delivery.sources.named(&delivery.origin, grant).await.map_err(|error| {
                tracing::error!(%error, source = %name, "configured source");
                Denial::from(Code::SourceUnreadable)
            })?;
            match held {
                Some(held) => source.fetch_if_changed(text, held, &limits).await,
                None => source.fetch(text, &limits).await.map(Some),
            }
        }
    };
    fetched.map_err(of_source)
}

/// Whether a redirect may lead to this remote text: the gate's rule for sources, and never a configured one.
fn admits_redirect(project: &ProjectRecord, target: &str) -> bool {
    match Asked::read(target) {
        Ok(target @ Asked::Remote(_)) => gate::check_source(&target, project).is_ok(),
        _ => false,
    }
}

/// A strong ETag: the source's content, what is done to it, and by which engine, set how.
fn etag(source_version: &str, admission: &Admission, operations: &Operations, settings: Settings) -> String {
    let mut hash = Sha256::new();
    hash.update(source_version);
    hash.update([0]);
    hash.update(operations.to_string());
    hash.update([u8::from(admission.became_avif(operations))]);
    hash.update(sealpix::cache_key::ENGINE_VERSION.to_be_bytes());
    hash.update(settings.name());
    format!("\"{:.32}\"", hex(&hash.finalize()))
}

/// A fault of ours: logged in full, told without detail.
pub(crate) fn internal(error: &(impl std::error::Error + ?Sized)) -> Denial {
    tracing::error!(%error, "internal");
    Code::Internal.into()
}

impl From<OpenError> for Denial {
    fn from(error: OpenError) -> Self {
        internal(&error)
    }
}

/// The status of a denial.
pub(crate) fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use sealpix::domain::HostRule;
    use sealpix::record::{Caching, Environment, Grant};

    use super::*;

    #[test]
    fn ssrf_5_a_redirect_leads_where_the_gate_would_let_its_project_ask() {
        let project = |environment, rules: &[&str]| ProjectRecord {
            slug: Slug::new("my-app").unwrap(),
            environment,
            referers: Vec::new(),
            require_referer: false,
            sources: rules.iter().map(|rule| HostRule::parse(rule).unwrap()).collect(),
            grants: vec![Grant { name: sealpix::operations::Name::new("gallery").unwrap(), version: 1 }],
            presets: Vec::new(),
            watermarks: Vec::new(),
            caching: Caching::default(),
            epoch: 0,
            source_epochs: Vec::new(),
        };
        for (environment, rules, admitted) in [
            (Environment::Production, &["cdn.example.com"][..], true),
            (Environment::Development, &["cdn.example.com"], true),
            (Environment::Development, &["other.example.com"], false),
            (Environment::Development, &[], true),
            (Environment::Staging, &[], false),
            (Environment::Production, &[], false),
        ] {
            let project = project(environment, rules);
            assert_eq!(admits_redirect(&project, "cdn.example.com/a.jpg"), admitted, "{environment:?} {rules:?}");
            for never in ["@gallery/a.jpg", "10.0.0.1/a.jpg", "cdn.example.com", ""] {
                assert!(!admits_redirect(&project, never), "{never}");
            }
        }
    }
}
