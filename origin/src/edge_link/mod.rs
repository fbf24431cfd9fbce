//! The origin's end of the edge link: records, sealed for the edge that proves itself.

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
use sealpix::link::LinkKeys;
use sealpix::proof::{self, Direction, Proven};
use sealpix::target::Slug;
use sealpix::wire;
use zeroize::Zeroizing;

use crate::clock::random;
use crate::delivery::{Delivery, internal, new_request_id, problem};
use crate::origin::Origin;

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
    match records(&delivery.origin, &request).await {
        Ok(records) => ([("Cache-Control", "no-store")], records.lines()).into_response(),
        Err(denial) => problem(&denial, &new_request_id()),
    }
}

async fn records(origin: &Origin, request: &Parts) -> Result<Records, Denial> {
    let links = origin.link_keys().await?;
    let target = request.uri.path_and_query().map_or("", |target| target.as_str());
    let header = request.headers.get(proof::HEADER).and_then(|header| header.to_str().ok());
    let proven = Proven { direction: Direction::EdgeToOrigin, method: request.method.as_str(), target, body: b"" };
    proof::verify(&links, proven, header.ok_or(Code::ProofRequired)?, origin.clock.secs())
        .map_err(|error| Denial::new(Code::ProofRequired, error.to_string()))?;
    let current = links.first().ok_or(Code::ProofRequired)?;
    let (key, slug) = named(request.uri.query().unwrap_or_default())
        .ok_or_else(|| Denial::new(Code::MalformedUrl, "the query is key=pk_…&project=slug"))?;
    let rows = origin.registry.key_and_project(key, &slug).await;
    let (key, project) = rows.map_err(|error| internal(&error))?;
    let sealer = Sealer { origin, keys: current };
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
