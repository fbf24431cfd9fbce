//! What table `usage` says of keys: when each was last used, and how much of late.

use std::collections::HashMap;

use sealpix::key::PublicKey;
use sealpix::target::Slug;

use super::database::values;
use super::{Query as _, Registry, RegistryError};

/// Minutes of a day.
const DAY_MINUTES: u64 = 1_440;

/// Milliseconds of a minute.
const MINUTE_MILLIS: u64 = 60_000;

/// How a key is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// The minute of its last request, in unix milliseconds.
    pub last_used_at: Option<u64>,
    /// Requests within the last 24 hours, whatever came of them.
    pub requests_24h: u64,
}

impl Registry {
    /// The activity of the keys of a project; keys that are not there were not used as far as usage is kept.
    pub async fn key_activity(
        &self,
        project: &Slug,
        now_millis: u64,
    ) -> Result<HashMap<PublicKey, Activity>, RegistryError> {
        let sql = "SELECT u.public_key, max(u.minute), \
                   CAST(sum(CASE WHEN u.minute > $2 THEN u.count ELSE 0 END) AS BIGINT) \
                   FROM usage u JOIN api_keys k ON k.public_key = u.public_key WHERE k.project = $1 \
                   GROUP BY u.public_key";
        let since = (now_millis / MINUTE_MILLIS).saturating_sub(DAY_MINUTES);
        let rows = self.reading().rows(sql, values![project.as_str(), since]).await?;
        let read = |row: &super::database::Row| {
            let key = row.parsed(0, "key in usage", |text| PublicKey::parse(text).ok())?;
            let last: u64 = row.get(1)?;
            Ok((key, Activity { last_used_at: Some(last * MINUTE_MILLIS), requests_24h: row.get(2)? }))
        };
        rows.iter().map(read).collect()
    }
}
