//! `GET /usage`.

use axum::Json;
use axum::extract::State;
use sealpix::key::PublicKey;
use sealpix::target::Slug;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Asked;
use crate::admin::responses::{Asking, Guarded};
use crate::admin::{Answer, Problem, Shared};
use crate::registry::{UsageBy, UsageFilter, UsageTotal};

const MINUTE_MILLIS: u64 = 60_000;

/// What is shown where the request does not say from when.
const DEFAULT_MINUTES: u64 = 24 * 60;

/// Buckets of an answer: a day by minutes, twelve weeks by hours.
const MAX_BUCKETS: u64 = 2_000;

/// What the totals are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// A minute each.
    Minute,
    /// An hour each, UTC.
    #[default]
    Hour,
    /// A day each, UTC.
    Day,
    /// An outcome each.
    Outcome,
    /// A format each.
    Format,
}

impl By {
    fn of_registry(self) -> UsageBy {
        match self {
            Self::Minute => UsageBy::Minutes(1),
            Self::Hour => UsageBy::Minutes(60),
            Self::Day => UsageBy::Minutes(24 * 60),
            Self::Outcome => UsageBy::Outcome,
            Self::Format => UsageBy::Format,
        }
    }
}

/// Which requests: all that are given must hold.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// With keys of this project.
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$")]
    project: Option<Slug>,
    /// With this key.
    #[param(value_type = Option<String>, pattern = "^pk_[A-Za-z0-9_-]{21}[AQgw]$")]
    key: Option<PublicKey>,
    /// From this minute on, in unix milliseconds; 24 hours before `until` if not said.
    from: Option<u64>,
    /// Before this time, in unix milliseconds; now if not said. The minute that has begun is counted.
    until: Option<u64>,
    /// What the totals are of; hours if not said.
    by: Option<By>,
}

/// Requests of a bucket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageTotal)]
pub(super) struct Shown {
    /// Where the bucket begins, in unix milliseconds; only by time.
    at: Option<u64>,
    /// The outcome: `ok`, `hit`, `miss`, `not_modified` or a denial's code; only by outcome.
    outcome: Option<String>,
    /// The format: `jpg`, `png`, `webp`, `avif`, `gif`, or `none` where no picture was sent; only by format.
    format: Option<String>,
    /// Requests.
    requests: u64,
    /// Those of them that were refused.
    denied: u64,
    /// Bytes of pictures that were sent.
    bytes: u64,
}

impl From<UsageTotal> for Shown {
    fn from(total: UsageTotal) -> Self {
        let UsageTotal { minute, outcome, format, requests, denied, bytes } = total;
        Self { at: minute.map(|minute| minute * MINUTE_MILLIS), outcome, format, requests, denied, bytes }
    }
}

/// Requests in a time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Usage {
    /// The first minute, in unix milliseconds.
    from: u64,
    /// The end of the last minute, in unix milliseconds.
    until: u64,
    /// What the totals are of.
    by: By,
    /// The totals, in order. What had no request is left out.
    items: Vec<Shown>,
}

impl Query {
    /// The time in whole minutes: the first, and the one behind the last.
    fn minutes(&self, now: u64) -> Result<(u64, u64), Problem> {
        let until_millis = self.until.unwrap_or(now + 1);
        if self.from.is_some_and(|from| from >= until_millis) {
            return Err(Problem::invalid("from must be before until"));
        }
        let until = until_millis.div_ceil(MINUTE_MILLIS);
        if until == 0 {
            return Err(Problem::invalid("until must be after 1970 began"));
        }
        let from = self.from.map_or(until.saturating_sub(DEFAULT_MINUTES), |from| from / MINUTE_MILLIS);
        Ok((from, until))
    }
}

/// Counts requests by time, by outcome or by format. A period of more than 2,000 buckets is refused.
#[utoipa::path(
    get, path = "/usage", tag = "usage", params(Query), security(("bearer" = ["usage:read"]), ("cookie" = [])),
    responses((status = 200, description = "the totals", body = Usage), Asking, Guarded),
)]
pub(super) async fn totals(
    State(admin): State<Shared>,
    caller: Caller,
    Asked(query): Asked<Query>,
) -> Answer<Json<Usage>> {
    caller.require(Permission::UsageRead)?;
    let (from, until) = query.minutes(caller.now())?;
    let by = query.by.unwrap_or_default();
    if let UsageBy::Minutes(minutes) = by.of_registry()
        && (until - 1) / minutes - from / minutes >= MAX_BUCKETS
    {
        return Err(Problem::invalid("more than 2000 buckets: ask for a shorter time or longer ones"));
    }
    let filter = UsageFilter { project: query.project, key: query.key, from, until };
    let totals = admin.origin.registry.usage(&filter, by.of_registry()).await?;
    let items = totals.into_iter().map(Shown::from).collect();
    Ok(Json(Usage { from: from * MINUTE_MILLIS, until: until.saturating_mul(MINUTE_MILLIS), by, items }))
}
