//! Keys as the API shows and takes them.

use sealpix::record::KeyState;
use sealpix::{quota, record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Problem;
use crate::registry::{Key, KeyUsage};

/// The last second of the year 9999: what calendars and the databases' integers hold.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// Longest name of a key.
const MAX_NAME_CHARS: usize = 100;

/// Requests that a key may make.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(default)]
pub(in crate::admin) struct Limits {
    /// In a minute.
    #[schema(format = "int64", maximum = 4_294_967_295_u32)]
    minute: u32,
    /// In a day, UTC.
    #[schema(format = "int64", maximum = 4_294_967_295_u32)]
    day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        quota::Limits::default().into()
    }
}

impl From<quota::Limits> for Limits {
    fn from(quota::Limits { minute, day }: quota::Limits) -> Self {
        Self { minute, day }
    }
}

impl From<Limits> for quota::Limits {
    fn from(Limits { minute, day }: Limits) -> Self {
        Self { minute, day }
    }
}

/// What a key may sign.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(default)]
pub(in crate::admin) struct Policy {
    /// Refuse URLs without `exp`.
    require_expiry: bool,
    /// Most seconds that `exp` may lie ahead; implies `require_expiry`.
    #[schema(minimum = 0)]
    max_lifetime_secs: Option<u64>,
    /// Names of the operations that may be used, as `w`; all if not said.
    #[schema(max_items = 64)]
    operations: Option<Vec<String>>,
    /// Allow a preset and nothing beside it.
    presets_only: bool,
    /// Widest result, in pixels; the operations must then say a width.
    #[schema(format = "int64", maximum = 4_294_967_295_u32)]
    max_width: Option<u32>,
    /// Highest result, in pixels; the operations must then say a height.
    #[schema(format = "int64", maximum = 4_294_967_295_u32)]
    max_height: Option<u32>,
}

impl From<record::Policy> for Policy {
    fn from(policy: record::Policy) -> Self {
        let record::Policy { require_expiry, max_lifetime_secs, operations, presets_only, max_width, max_height } =
            policy;
        Self { require_expiry, max_lifetime_secs, operations, presets_only, max_width, max_height }
    }
}

impl From<Policy> for record::Policy {
    fn from(policy: Policy) -> Self {
        let Policy { require_expiry, max_lifetime_secs, operations, presets_only, max_width, max_height } = policy;
        Self { require_expiry, max_lifetime_secs, operations, presets_only, max_width, max_height }
    }
}

/// Whether a key may be used at all.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// In use, until `not_after`.
    Active,
    /// Revoked, for good.
    Revoked,
}

/// A key; never its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct Shown {
    /// Its public half.
    #[schema(example = "pk_ZGVmZ2hpamtsbW5vcHFycw")]
    pub(super) public_key: String,
    /// The project it signs for.
    project: String,
    /// What people call it.
    name: String,
    /// Whether it may be used at all.
    state: State,
    /// Its last second, in unix seconds.
    not_after: Option<u64>,
    /// Requests that it may make.
    limits: Limits,
    /// What it may sign.
    policy: Policy,
    /// Unix milliseconds.
    created_at: u64,
    /// The minute of the last request that it had signed, in unix milliseconds, as far as usage is kept.
    last_used_at: Option<u64>,
    /// Requests of the last 24 hours that it had signed, whatever came of them.
    requests_24h: u64,
}

impl Shown {
    pub(super) fn of(key: Key, usage: KeyUsage) -> Self {
        Self {
            public_key: key.public_key.to_string(),
            project: key.project.to_string(),
            name: key.name,
            state: match key.state {
                KeyState::Active => State::Active,
                KeyState::Revoked => State::Revoked,
            },
            not_after: key.not_after,
            limits: key.limits.into(),
            policy: key.policy.into(),
            created_at: key.created_at,
            last_used_at: usage.last_used_at,
            requests_24h: usage.requests_24h,
        }
    }
}

/// A name that people can read and both databases hold.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    if name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::invalid(format!("name takes up to {MAX_NAME_CHARS} characters, no control characters")))
}
