//! `POST /sources/{name}/test` and `POST /fetch-test`: one fetch, through every check, and what came of it.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use sealpix::operations::Name;
use sealpix::record::Grant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Body, Input};
use crate::admin::responses::{Bodied, Guarded, Named};
use crate::admin::{Admin, Answer, Shared};
use crate::delivery::of_source;
use crate::images;
use crate::sources::address::Verdict;
use crate::sources::configured::Configured;
use crate::sources::{FetchLimits, Fetched, Source as _, SourceError};

/// What of a source is to be fetched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SourceTest)]
pub(super) struct Below {
    /// The picture's name in the source.
    #[schema(min_length = 1, max_length = 2_000, example = "photo.jpg")]
    path: String,
}

/// What is to be fetched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UrlTest)]
pub(super) struct Remote {
    /// An https URL.
    #[schema(min_length = 1, max_length = 4_000, example = "https://assets.example.com/photo.jpg")]
    url: String,
}

/// What came of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It was fetched.
    Fetched,
    /// The guard did not let it be fetched.
    Refused,
    /// It could not be fetched.
    Failed,
}

/// An address of the source's host, and what it is.
#[derive(Debug, Serialize, ToSchema)]
struct Address {
    /// The address.
    #[schema(value_type = String, example = "10.0.0.1")]
    address: IpAddr,
    /// What it is: of a host with one that may not be dialled, nothing is fetched.
    verdict: Verdict,
}

/// A fetch, made and forgotten.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FetchTest)]
pub(super) struct Told {
    /// What came of it.
    verdict: Outcome,
    /// The code that delivery would answer; none where it was fetched.
    code: Option<&'static str>,
    /// Why, for a person.
    reason: Option<String>,
    /// The addresses of the host, looked up for this answer; none of a folder.
    addresses: Vec<Address>,
    /// How long it is.
    bytes: Option<u64>,
    /// What it is by its first bytes, if it is a picture.
    content_type: Option<&'static str>,
}

/// Fetches a picture of a source as delivery would, and says what came of it.
#[utoipa::path(
    post, path = "/sources/{name}/test", tag = "sources", request_body = Below,
    security(("bearer" = ["sources:write"]), ("cookie" = [])),
    params(("name" = String, Path, description = "the source's name")),
    responses((status = 200, description = "what came of it", body = Told), Bodied, Named, Guarded),
)]
pub(super) async fn of_source_test(
    State(admin): State<Shared>,
    caller: Caller,
    Input(name): Input<Name>,
    Body(below): Body<Below>,
) -> Answer<Json<Told>> {
    caller.require(Permission::SourcesWrite)?;
    let stored = admin.source(&name).await?;
    let limits = admin.fetch_limits();
    let addresses = match Configured::authority(&stored) {
        Some(authority) => admin.sources.http().addresses(&authority, &limits).await,
        None => Vec::new(),
    };
    let grant = Grant { name, version: stored.version };
    let fetched = match admin.sources.named(&admin.origin, &grant).await {
        Ok(source) => source.fetch(&below.path, &limits).await,
        Err(error) => {
            tracing::warn!(%error, source = %grant.name, "a source that is tested does not open");
            Err(SourceError::Unreadable)
        }
    };
    Ok(Json(Told::of(addresses, fetched)))
}

/// Fetches any https URL through the guard, and says what came of it. Needs the right to make sources: what it reaches,
/// they reach.
#[utoipa::path(
    post, path = "/fetch-test", tag = "sources", request_body = Remote,
    security(("bearer" = ["sources:write"]), ("cookie" = [])),
    responses((status = 200, description = "what came of it", body = Told), Bodied, Guarded),
)]
pub(super) async fn of_url(
    State(admin): State<Shared>,
    caller: Caller,
    Body(remote): Body<Remote>,
) -> Answer<Json<Told>> {
    caller.require(Permission::SourcesWrite)?;
    let Some(text) = remote.url.strip_prefix("https://") else {
        return Ok(Json(Told::of(Vec::new(), Err(SourceError::Malformed))));
    };
    let limits = admin.fetch_limits();
    let addresses = admin.sources.http().addresses(text, &limits).await;
    Ok(Json(Told::of(addresses, admin.sources.http().fetch(text, &limits).await)))
}

impl Admin {
    fn fetch_limits(&self) -> FetchLimits {
        let fetch = &self.origin.config.fetch;
        FetchLimits { max_bytes: fetch.max_bytes, deadline: fetch.deadline }
    }
}

impl Told {
    fn of(addresses: Vec<(IpAddr, Verdict)>, fetched: Result<Fetched, SourceError>) -> Self {
        let addresses = addresses.into_iter().map(|(address, verdict)| Address { address, verdict }).collect();
        match fetched {
            Ok(fetched) => Self {
                verdict: Outcome::Fetched,
                code: None,
                reason: None,
                addresses,
                bytes: u64::try_from(fetched.bytes.len()).ok(),
                content_type: images::recognise(&fetched.bytes).map(images::Format::content_type),
            },
            Err(error) => {
                let denial = of_source(error);
                Self {
                    verdict: outcome(error),
                    code: Some(denial.code.as_str()),
                    reason: Some(denial.detail),
                    addresses,
                    bytes: None,
                    content_type: None,
                }
            }
        }
    }
}

/// Whether the guard stood in the way.
fn outcome(error: SourceError) -> Outcome {
    match error {
        SourceError::Malformed | SourceError::AddressBlocked | SourceError::RedirectNotAllowed(_) => Outcome::Refused,
        SourceError::NotFound
        | SourceError::TooLarge { .. }
        | SourceError::Unreachable
        | SourceError::AccessDenied
        | SourceError::UpstreamStatus(_)
        | SourceError::Incomplete
        | SourceError::ContentEncoding
        | SourceError::Unreadable
        | SourceError::Timeout => Outcome::Failed,
    }
}
