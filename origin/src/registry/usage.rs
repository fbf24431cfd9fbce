//! Tables `usage` and `usage_reports`: requests by key, minute, outcome and format, and the reports that were counted.
//!
//! A report's rows and its name are written in one change, so each report counts once, however often it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sealpix::key::PublicKey;
use sealpix::target::Slug;
use sealpix::usage::{Count, Format, Outcome, ReportId};

use super::database::{Row, Value, values};
use super::{Change, Query, Registry, RegistryError};

/// Rows written, or keys looked up, by one statement: one text for all, which is prepared once.
const ROWS: usize = 50;

/// Outcomes for which a stranger needs no signature, so that they are no use of the key.
const UNSIGNED: &str = "('key_unknown', 'signature_invalid')";

/// What stands for the format where nothing was sent, or no picture.
const NO_FORMAT: &str = "none";

const MINUTE_MILLIS: u64 = 60_000;

const DAY_MINUTES: u64 = 24 * 60;

/// What totals are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// Of so many minutes each, beginning at multiples of that since 1970: 1, 60, 1440.
    Minutes(u64),
    /// Of each outcome.
    Outcome,
    /// Of each format.
    Format,
}

/// Which requests: all that are set must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageFilter {
    /// With keys of this project.
    pub project: Option<Slug>,
    /// With this key.
    pub key: Option<PublicKey>,
    /// From this minute on, in unix minutes.
    pub from: u64,
    /// Before this minute.
    pub until: u64,
}

/// A total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageTotal {
    /// Where the bucket begins, in unix minutes; none unless totals are by time.
    pub minute: Option<u64>,
    /// The outcome; none unless totals are by outcome.
    pub outcome: Option<String>,
    /// The format, `none` where no picture was sent; none unless totals are by format.
    pub format: Option<String>,
    /// Requests.
    pub requests: u64,
    /// Those of them that were refused.
    pub denied: u64,
    /// Bytes of pictures that were sent.
    pub bytes: u64,
}

/// How a key is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyUsage {
    /// The minute of the last request that it had signed, as unix milliseconds. What was refused later counts too.
    pub last_used_at: Option<u64>,
    /// Requests of the last 24 hours that it had signed.
    pub requests_24h: u64,
}

impl Registry {
    /// Whether a report was counted.
    pub async fn is_report_counted(&self, id: &ReportId) -> Result<bool, RegistryError> {
        let sql = "SELECT 1 FROM usage_reports WHERE id = $1";
        Ok(self.reading().row(sql, values![id.to_string()]).await?.is_some())
    }

    /// Totals, in the order of time or of names. What has no requests is left out.
    pub async fn usage(&self, filter: &UsageFilter, by: UsageBy) -> Result<Vec<UsageTotal>, RegistryError> {
        let answered = Outcome::ANSWERED.map(|outcome| format!("'{}'", outcome.as_str())).join(", ");
        let mut values = values![filter.from, filter.until];
        let bucket = match by {
            UsageBy::Minutes(minutes) => {
                values.push(minutes.max(1).into());
                "u.minute - u.minute % $3"
            }
            UsageBy::Outcome => "u.outcome",
            UsageBy::Format => "u.format",
        };
        let mut sql = format!(
            "SELECT {bucket} AS bucket, CAST(sum(u.count) AS BIGINT), \
             CAST(sum(CASE WHEN u.outcome IN ({answered}) THEN 0 ELSE u.count END) AS BIGINT), \
             CAST(sum(u.bytes) AS BIGINT) \
             FROM usage u JOIN api_keys k ON k.public_key = u.public_key WHERE u.minute >= $1 AND u.minute < $2"
        );
        let mut condition = |column: &str, value: Value| {
            values.push(value);
            let _ = write!(sql, " AND {column} = ${}", values.len());
        };
        if let Some(project) = &filter.project {
            condition("k.project", project.as_str().into());
        }
        if let Some(key) = &filter.key {
            condition("u.public_key", key.to_string().into());
        }
        sql.push_str(" GROUP BY 1");
        let read = |row: &Row| {
            let (minute, outcome, format) = match by {
                UsageBy::Minutes(_) => (Some(row.get(0)?), None, None),
                UsageBy::Outcome => (None, Some(row.get(0)?), None),
                UsageBy::Format => (None, None, Some(row.get(0)?)),
            };
            let (requests, denied, bytes) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(UsageTotal { minute, outcome, format, requests, denied, bytes })
        };
        let mut totals =
            self.database.read(&sql, values).await?.iter().map(read).collect::<Result<Vec<_>, RegistryError>>()?;
        // Here, since databases sort text each in its own way.
        totals.sort_by(|one, other| {
            (one.minute, &one.outcome, &one.format).cmp(&(other.minute, &other.outcome, &other.format))
        });
        Ok(totals)
    }

    /// How keys are used; one that is not in the registry has no entry.
    pub async fn key_usage(
        &self,
        keys: &[PublicKey],
        now_millis: u64,
    ) -> Result<BTreeMap<PublicKey, KeyUsage>, RegistryError> {
        // Both walk the primary key, backward from its newest minute: not all that is kept of a key.
        let sql = format!(
            "SELECT k.public_key, (SELECT u.minute FROM usage u WHERE u.public_key = k.public_key \
             AND u.outcome NOT IN {UNSIGNED} ORDER BY u.minute DESC LIMIT 1), \
             (SELECT CAST(sum(u.count) AS BIGINT) FROM usage u WHERE u.public_key = k.public_key \
             AND u.minute > $1 AND u.outcome NOT IN {UNSIGNED}) \
             FROM api_keys k WHERE k.public_key IN ({})",
            placeholders(2)
        );
        let since = (now_millis / MINUTE_MILLIS).saturating_sub(DAY_MINUTES);
        let mut found = BTreeMap::new();
        for some in keys.chunks(ROWS) {
            let mut values = values![since];
            values.extend(padded(some));
            for row in self.database.read(&sql, values).await? {
                let key = row.parsed(0, "key", |text| PublicKey::parse(text).ok())?;
                let last = row.get::<Option<u64>>(1)?.map(|minute| minute * MINUTE_MILLIS);
                let requests_24h = row.get::<Option<u64>>(2)?.unwrap_or(0);
                found.insert(key, KeyUsage { last_used_at: last, requests_24h });
            }
        }
        Ok(found)
    }
}

/// `$first, …` for [`ROWS`] values.
fn placeholders(first: usize) -> String {
    (first..first + ROWS).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// Up to [`ROWS`] keys as that many values: the first is repeated.
fn padded(keys: &[PublicKey]) -> impl Iterator<Item = Value> {
    let repeated = keys.iter().chain(keys.first().into_iter().cycle());
    repeated.take(ROWS).map(|key| Value::from(key.to_string()))
}

/// Adds rows to what is counted already.
fn upsert(rows: usize) -> String {
    let places = |row: usize| {
        let places: Vec<_> = (1..=6).map(|column| format!("${}", 6 * row + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows = (0..rows).map(places).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO usage (public_key, minute, outcome, format, count, bytes) VALUES {rows} \
         ON CONFLICT (public_key, minute, outcome, format) \
         DO UPDATE SET count = usage.count + excluded.count, bytes = usage.bytes + excluded.bytes"
    )
}

impl Change {
    /// Counts a report, unless it was counted before. Whether it is now. Rows of keys that are not in the registry are
    /// left out: nobody could ask for them, and anybody can invent them.
    pub async fn count_usage(&mut self, id: &ReportId, rows: &[Count]) -> Result<bool, RegistryError> {
        let sql = "INSERT INTO usage_reports (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        let now = self.now();
        if self.execute(sql, values![id.to_string(), now]).await? == 0 {
            return Ok(false);
        }
        // One statement may touch a row once only.
        let mut sums: BTreeMap<(PublicKey, u64, &str, &str), (u64, u64)> = BTreeMap::new();
        for row in rows {
            let format = row.format.map_or(NO_FORMAT, Format::as_str);
            let (count, bytes) = sums.entry((row.key, row.minute, row.outcome.as_str(), format)).or_default();
            *count += row.count;
            *bytes += row.bytes;
        }
        let known = self.known_keys(rows).await?;
        sums.retain(|(key, ..), _| known.contains(key));
        let sums: Vec<_> = sums.into_iter().collect();
        let (many, one) = (upsert(ROWS), upsert(1));
        let row = |&((key, minute, outcome, format), (count, bytes)): &((PublicKey, u64, &str, &str), (u64, u64))| {
            values![key.to_string(), minute, outcome, format, count, bytes]
        };
        let chunks = sums.chunks_exact(ROWS);
        let rest = chunks.remainder();
        for chunk in chunks {
            self.execute(&many, chunk.iter().flat_map(row).collect()).await?;
        }
        for sum in rest {
            self.execute(&one, row(sum)).await?;
        }
        Ok(true)
    }

    async fn known_keys(&mut self, rows: &[Count]) -> Result<BTreeSet<PublicKey>, RegistryError> {
        let sql = format!("SELECT public_key FROM api_keys WHERE public_key IN ({})", placeholders(1));
        let keys: Vec<_> = rows.iter().map(|row| row.key).collect::<BTreeSet<_>>().into_iter().collect();
        let mut known = BTreeSet::new();
        for some in keys.chunks(ROWS) {
            for row in self.rows(&sql, padded(some).collect()).await? {
                known.insert(row.parsed(0, "key", |text| PublicKey::parse(text).ok())?);
            }
        }
        Ok(known)
    }
}
