//! `GET /requests`.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use sealpix::key::PublicKey;
use sealpix::target::Slug;
use sealpix::usage::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Page, PageQuery, Problem, Shared};
use crate::registry::{LoggedRequest, RequestFilter};

/// Which requests: all that are given must hold.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// With keys of this project.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$")]
    project: Option<Slug>,
    /// With this key.
    #[param(value_type = Option<String>, pattern = "^pk_[A-Za-z0-9_-]{21}[AQgw]$")]
    key: Option<PublicKey>,
    /// Of this outcome: `ok`, `not_modified` or a denial's code.
    #[param(example = "signature_invalid")]
    outcome: Option<String>,
    /// From this time on, in unix milliseconds.
    from: Option<u64>,
    /// Before this time, in unix milliseconds.
    until: Option<u64>,
}

/// A request that was answered, or all that were refused with one key and code in one minute.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedRequest)]
pub(super) struct Shown {
    /// Its name in this log.
    id: String,
    /// Unix milliseconds; of refused requests their minute's first.
    at: u64,
    /// The key; nothing where it is none of this origin's.
    #[schema(value_type = Option<String>)]
    key: Option<PublicKey>,
    /// The key's project.
    #[schema(value_type = Option<String>)]
    project: Option<Slug>,
    /// `ok`, `not_modified` or a denial's code.
    outcome: &'static str,
    /// The answer's status.
    status: u16,
    /// What was asked for, without a query; empty where no signature vouches for it. Of refused requests the first's.
    source: String,
    /// What was to be done with it; as the source.
    operations: String,
    /// Milliseconds from the request's head to the answer. Of refused requests the first's.
    millis: u64,
    /// Bytes of the answer's body. Of refused requests the first's.
    bytes: u64,
    /// How many requests: 1 but for refused ones.
    count: u64,
}

impl From<LoggedRequest> for Shown {
    fn from(request: LoggedRequest) -> Self {
        let LoggedRequest { id, at, key, project, outcome, status, source, operations, millis, bytes, count } = request;
        Self { id, at, key, project, outcome: outcome.as_str(), status, source, operations, millis, bytes, count }
    }
}

/// The last request of the page before.
struct Cursor(u64, String);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('-').ok_or(())?;
        Ok(Self(at.parse().map_err(|_| ())?, id.to_owned()))
    }
}

impl Filter {
    fn read(self) -> Result<RequestFilter, Problem> {
        let Self { project, key, outcome, from, until } = self;
        let known = outcome.map(|name| Outcome::parse(&name).ok_or(()));
        let outcome = known.transpose().map_err(|()| Problem::invalid("outcome is no outcome of requests"))?;
        Ok(RequestFilter { project, key, outcome, from, until })
    }
}

/// Lists the request log, the newest first: a sample of the requests that were answered, and those that were refused, by
/// key, code and minute.
#[utoipa::path(
    get, path = "/requests", tag = "usage", params(Filter, PageQuery), security(("bearer" = ["usage:read"]), ("cookie" = [])),
    responses((status = 200, description = "a page of requests", body = Page<Shown>), Asking, Guarded),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
    Asked(page): Asked<PageQuery>,
) -> Answer<Json<Page<Shown>>> {
    caller.require(Permission::UsageRead)?;
    let after = page.cursor()?.map(|Cursor(at, id)| (at, id));
    let requests = admin.origin.registry.requests(&filter.read()?, after, page.limit()? + 1).await?;
    let shown = requests.into_iter().map(Shown::from).collect();
    page.cut(shown, |request: &Shown| format!("{}-{}", request.at, request.id)).map(Json)
}
