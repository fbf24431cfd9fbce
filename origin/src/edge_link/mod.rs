//! The origin's end of the edge link: records, sealed for the edge that proves itself, pulled by it or pushed to it; and
//! its usage reports.

pub mod client;
pub mod push;
pub mod usage;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, Response};
use axum::response::IntoResponse as _;
use minicbor::Encode;
use sealpix::denial::{Code, Denial};
use sealpix::envelope::{self, Context, FRESH_SECS, Kind, Stamp};
use sealpix::key::PublicKey;
use sealpix::link::{LinkId, LinkKeys};
use sealpix::proof::{self, Direction, Proven};
use sealpix::target::Slug;
use sealpix::wire;
use tracing::Instrument as _;
use zeroize::Zeroizing;

use crate::clock::random;
use crate::delivery::{Delivery, internal, problem};
use crate::observe::request_id::RequestId;
use crate::origin::Origin;
use crate::registry::{Author, EdgeLink, RecordName, RegistryError};

/// Where the edge pulls records.
pub const RECORDS_PATH: &str = "/api/edge/v1/records";

/// The two records that a URL names.
#[derive(Debug)]
struct Records {
    key: Option<String>,
    project: Option<String>,
}

impl Records {
    /// A line each, `-` where there is none.
    fn lines(&self) -> String {
        let line = |record: &Option<String>| record.as_deref().unwrap_or("-").to_owned();
        format!("{}\n{}\n", line(&self.key), line(&self.project))
    }
}

/// `GET /api/edge/v1/records?key=pk_…&project=slug`, with the edge's proof: two lines of text, the sealed record of the
/// key and that of the project.
pub async fn pull_records(State(delivery): State<Arc<Delivery>>, request: Request<Body>) -> Response<Body> {
    let (request, _) = request.into_parts();
    match records(&delivery, &request).await {
        Ok(records) => ([("Cache-Control", "no-store")], records.lines()).into_response(),
        Err(denial) => problem(&denial, RequestId::of_extensions(&request.extensions).as_str()),
    }
}

async fn records(delivery: &Delivery, request: &Parts) -> Result<Records, Denial> {
    let origin = &delivery.origin;
    let lost = |error: RegistryError| {
        delivery.metrics.registry_failed();
        internal(&error)
    };
    let keys = &proved(origin, request, b"").await?;
    let (key, slug) = named(request.uri.query().unwrap_or_default())
        .ok_or_else(|| Denial::new(Code::MalformedUrl, "the query is key=pk_…&project=slug"))?;
    let found = origin.registry.key_and_project(key, &slug).await;
    let (key, project) = found.map_err(lost)?;
    let mut names = Vec::new();
    names.extend(key.as_ref().map(|row| (RecordName::Key(row.public_key), row.version)));
    names.extend(project.as_ref().map(|row| (RecordName::Project(row.value.slug.clone()), row.version)));
    queue_pulled(origin, names);
    let sealer = Sealer { origin, keys };
    let key = match key {
        Some(row) => {
            let record = origin.key_record(&row)?;
            Some(sealer.seal(Kind::Key, &row.public_key.to_string(), row.version, &record)?)
        }
        None => None,
    };
    let project = match project {
        Some(row) => {
            let record = row.value.record();
            Some(sealer.seal(Kind::Project, row.value.slug.as_str(), row.version, &record)?)
        }
        None => None,
    };
    Ok(Records { key, project })
}

/// The keys of the link under which the edge has proved a request with this body. What is sealed for it is sealed under
/// that one: while a new link takes over, some isolates have the old one alone.
async fn proved(origin: &Origin, request: &Parts, body: &[u8]) -> Result<LinkKeys, Denial> {
    let rows = origin.registry.edge_links().await.map_err(|error| internal(&error))?;
    let links = rows.iter().map(|link| origin.link_secret(link).map(|secret| secret.keys()));
    let links = links.collect::<Result<Vec<_>, _>>()?;
    let target = request.uri.path_and_query().map_or("", |target| target.as_str());
    let header = request.headers.get(proof::HEADER).and_then(|header| header.to_str().ok());
    let proven = Proven { direction: Direction::EdgeToOrigin, method: request.method.as_str(), target, body };
    let header = header.ok_or(Code::ProofRequired)?;
    proof::verify(&links, proven, header, origin.clock.secs())
        .map_err(|error| Denial::new(Code::ProofRequired, error.to_string()))?;
    let link = proof::link_of(header).ok_or(Code::ProofRequired)?;
    let keys = LinkKeys::choose(&links, link).cloned().ok_or(Code::ProofRequired)?;
    acknowledged(origin, &rows, link).await.map_err(|error| internal(&error))?;
    Ok(keys)
}

/// A proof under the next link shows that the edge has it.
async fn acknowledged(origin: &Origin, rows: &[EdgeLink], link: LinkId) -> Result<(), RegistryError> {
    let current = rows.iter().find(|row| row.is_current).map_or(0, |row| row.created_at);
    match rows.iter().find(|row| row.id == link.to_string() && row.created_at > current) {
        Some(next) => adopt(origin, &next.id).await,
        None => Ok(()),
    }
}

/// From now on records are sealed under link `id`, and all are pushed anew.
async fn adopt(origin: &Origin, id: &str) -> Result<(), RegistryError> {
    let mut change = origin.registry.change(&Author::edge(origin.clock.millis())).await?;
    if change.adopt_edge_link(id).await? {
        change.commit().await?;
        tracing::info!(link = id, "the edge has the new edge link; every record is queued under it");
    }
    Ok(())
}

/// How often a pull may have a name pushed, in milliseconds.
const PULLED_MILLIS: u64 = 60_000;

/// Names of pulls that are remembered; more than a minute's at any sensible rate.
const PULLED_NAMES: usize = 10_000;

/// When names were last queued because the edge pulled them.
#[derive(Debug, Default)]
pub struct Pulled(HashMap<String, u64>);

impl Pulled {
    /// Whether `name` is to be queued: at most once a minute.
    fn is_due(&mut self, name: &str, now: u64) -> bool {
        if self.0.get(name).is_some_and(|at| now < at + PULLED_MILLIS) {
            return false;
        }
        if self.0.len() >= PULLED_NAMES {
            self.0.retain(|_, at| now < *at + PULLED_MILLIS);
        }
        // With so many at once the queue waits for the next minute.
        let room = self.0.len() < PULLED_NAMES;
        if room {
            self.0.insert(name.to_owned(), now);
        }
        room
    }
}

/// What the edge had to pull, its KV namespace may lack: only a push writes that. The pull does not wait for it.
fn queue_pulled(origin: &Origin, mut names: Vec<(RecordName, u64)>) {
    if origin.config.edge_url.is_none() {
        return;
    }
    let now = origin.clock.millis();
    if let Ok(mut pulled) = origin.pulled.lock() {
        names.retain(|(name, _)| pulled.is_due(&name.to_string(), now));
    }
    if names.is_empty() {
        return;
    }
    let origin = origin.clone();
    let queueing = async move {
        if let Err(error) = queue_missing(&origin, &names, now).await {
            tracing::error!(%error, "records cannot be queued for the edge");
        }
    };
    tokio::spawn(queueing.in_current_span());
}

async fn queue_missing(origin: &Origin, names: &[(RecordName, u64)], now: u64) -> Result<(), RegistryError> {
    let mut change = origin.registry.change(&Author::edge(now)).await?;
    change.queue_missing(names).await?;
    change.commit().await
}

fn named(query: &str) -> Option<(PublicKey, Slug)> {
    let (key, slug) = query.strip_prefix("key=")?.split_once("&project=")?;
    Some((PublicKey::parse(key).ok()?, Slug::new(slug)?))
}

/// Seals records under the current link.
struct Sealer<'a> {
    origin: &'a Origin,
    keys: &'a LinkKeys,
}

impl Sealer<'_> {
    fn seal(&self, kind: Kind, name: &str, version: u64, record: &impl Encode<()>) -> Result<String, Denial> {
        let now = self.origin.clock.secs();
        let plain = Zeroizing::new(wire::to_bytes(record));
        let context = Context { environment: &self.origin.config.edge_environment, kind, name };
        let stamp = Stamp { version, sealed_at: now, fresh_until: now + FRESH_SECS };
        let nonce = random().map_err(|error| internal(&error))?;
        Ok(envelope::seal(self.keys, context, stamp, &plain, nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulled_name_is_queued_once_a_minute() {
        let mut pulled = Pulled::default();
        assert!(pulled.is_due("a", 5) && pulled.is_due("b", 5));
        assert!(!pulled.is_due("a", 5 + PULLED_MILLIS - 1));
        assert!(pulled.is_due("a", 5 + PULLED_MILLIS));
        for name in 0..2 * PULLED_NAMES {
            pulled.is_due(&name.to_string(), 6 + PULLED_MILLIS);
        }
        assert!(pulled.0.len() <= PULLED_NAMES);
    }
}
