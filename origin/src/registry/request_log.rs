//! Table `request_log`: some of the requests that were answered, one by one, and those that were refused, summed up.
//!
//! A row of refused requests stands for all with one key and code in one minute, by every instance; there are at most
//! [`MAX_DENIALS`] such rows a minute, so that nobody fills the table by asking. It is a log to look into, not an
//! account: table `usage` counts. No row has a signature or a query string.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sealpix::denial::Code;
use sealpix::key::PublicKey;
use sealpix::target::Slug;
use sealpix::usage::Outcome;

use super::database::{Row, Value, values};
use super::{Change, Query, Registry, RegistryError, parsed};

/// Rows of refused requests in one minute.
const MAX_DENIALS: usize = 100;

/// Rows written by one statement.
const ROWS: usize = 20;

const MINUTE_MILLIS: u64 = 60_000;

const COLUMNS: &str = "id, at, public_key, project, outcome, status, source, operations, millis, bytes, count";

/// How many they are.
const WIDTH: usize = 11;

/// A request that was answered, or all that were refused alike in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// Unique; of refused requests [`Self::denied_id`].
    pub id: String,
    /// Unix milliseconds; of refused requests their minute's first.
    pub at: u64,
    /// The key, if it is one of the registry's.
    pub key: Option<PublicKey>,
    /// The key's project.
    pub project: Option<Slug>,
    /// What became of it.
    pub outcome: Outcome,
    /// The answer's status.
    pub status: u16,
    /// What was asked for, without a query; empty where no signature vouches for it. Of refused requests the first's.
    pub source: String,
    /// What was to be done with it; as the source.
    pub operations: String,
    /// Milliseconds from the request's head to the answer. Of refused requests the first's.
    pub millis: u64,
    /// Bytes of the answer's body. Of refused requests the first's.
    pub bytes: u64,
    /// How many requests: 1 but for refused ones.
    pub count: u64,
}

impl LoggedRequest {
    /// The id of the row of refused requests with one key and code in the minute of `at`.
    #[must_use]
    pub fn denied_id(at: u64, key: Option<PublicKey>, code: Code) -> String {
        let key = key.map_or_else(|| "-".to_owned(), |key| key.to_string());
        format!("denied.{}.{key}.{}", at / MINUTE_MILLIS, code.as_str())
    }

    fn read(row: &Row) -> Result<Self, RegistryError> {
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (key, project) = (optional(&row.get::<String>(2)?), optional(&row.get::<String>(3)?));
        let key = key.map(|key| parsed(PublicKey::parse(&key).ok(), "key in the request log"));
        let project = project.map(|project| parsed(Slug::new(&project), "project in the request log"));
        let status: u32 = row.get(5)?;
        Ok(Self {
            id: row.get(0)?,
            at: row.get(1)?,
            key: key.transpose()?,
            project: project.transpose()?,
            outcome: row.parsed(4, "outcome in the request log", Outcome::parse)?,
            status: parsed(u16::try_from(status).ok(), "status in the request log")?,
            source: row.get(6)?,
            operations: row.get(7)?,
            millis: row.get(8)?,
            bytes: row.get(9)?,
            count: row.get(10)?,
        })
    }

    fn values(&self) -> Vec<Value> {
        values![
            self.id.as_str(),
            self.at,
            self.key.map(|key| key.to_string()).unwrap_or_default(),
            self.project.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.outcome.as_str(),
            u32::from(self.status),
            self.source.as_str(),
            self.operations.as_str(),
            self.millis,
            self.bytes,
            self.count,
        ]
    }
}

/// Which requests: all that are set must hold.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// With keys of this project.
    pub project: Option<Slug>,
    /// With this key.
    pub key: Option<PublicKey>,
    /// Of this outcome.
    pub outcome: Option<Outcome>,
    /// From this time on, in unix milliseconds.
    pub from: Option<u64>,
    /// Before this time.
    pub until: Option<u64>,
}

impl Registry {
    /// Up to `most` requests behind `after` (time and id of the last one before), the newest first.
    pub async fn requests(
        &self,
        filter: &RequestFilter,
        after: Option<(u64, String)>,
        most: u32,
    ) -> Result<Vec<LoggedRequest>, RegistryError> {
        let (at, id) = after.unwrap_or((i64::MAX.unsigned_abs(), String::new()));
        let mut values = values![at, id];
        let mut sql = format!("SELECT {COLUMNS} FROM request_log WHERE (at < $1 OR (at = $1 AND id < $2))");
        let mut condition = |text: &str, value: Value| {
            values.push(value);
            let _ = write!(sql, " AND {text} ${}", values.len());
        };
        if let Some(project) = &filter.project {
            condition("project =", project.as_str().into());
        }
        if let Some(key) = &filter.key {
            condition("public_key =", key.to_string().into());
        }
        if let Some(outcome) = filter.outcome {
            condition("outcome =", outcome.as_str().into());
        }
        if let Some(from) = filter.from {
            condition("at >=", from.into());
        }
        if let Some(until) = filter.until {
            condition("at <", until.into());
        }
        values.push(most.into());
        let _ = write!(sql, " ORDER BY at DESC, id DESC LIMIT ${}", values.len());
        self.database.read(&sql, values).await?.iter().map(LoggedRequest::read).collect()
    }
}

/// Writes rows, and adds to the counts of those that are there.
fn upsert(rows: usize) -> String {
    let places = |row: usize| (1..=WIDTH).map(|place| format!("${}", WIDTH * row + place)).collect::<Vec<_>>();
    let rows = (0..rows).map(|row| format!("({})", places(row).join(", "))).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO request_log ({COLUMNS}) VALUES {rows} \
         ON CONFLICT (id) DO UPDATE SET count = request_log.count + excluded.count"
    )
}

impl Change {
    /// Logs requests, each id once. Refused ones add to their row where there is one; where their minute is full of
    /// other rows, they are left out.
    pub async fn log_requests(&mut self, requests: &[LoggedRequest]) -> Result<(), RegistryError> {
        let mut kept = Vec::new();
        let mut full: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for request in requests {
            if matches!(request.outcome, Outcome::Denied(_)) {
                let minute = request.at / MINUTE_MILLIS;
                let ids = match full.entry(minute) {
                    std::collections::btree_map::Entry::Occupied(held) => held.into_mut(),
                    std::collections::btree_map::Entry::Vacant(room) => room.insert(self.denied_ids(minute).await?),
                };
                if ids.len() >= MAX_DENIALS && !ids.contains(&request.id) {
                    continue;
                }
                ids.insert(request.id.clone());
            }
            kept.push(request);
        }
        let (many, one) = (upsert(ROWS), upsert(1));
        let chunks = kept.chunks_exact(ROWS);
        let rest = chunks.remainder();
        for chunk in chunks {
            self.execute(&many, chunk.iter().flat_map(|request| request.values()).collect()).await?;
        }
        for request in rest {
            self.execute(&one, request.values()).await?;
        }
        Ok(())
    }

    async fn denied_ids(&mut self, minute: u64) -> Result<BTreeSet<String>, RegistryError> {
        let sql = "SELECT id FROM request_log WHERE at = $1 AND id LIKE 'denied.%'";
        let rows = self.rows(sql, values![minute * MINUTE_MILLIS]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }
}
