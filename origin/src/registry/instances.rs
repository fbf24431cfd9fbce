//! Table `instances`: the origins that run. A row lives while it is renewed; time is each instance's own clock.

use serde_json::json;

use super::database::{Row, values};
use super::{Change, Query, Registry, RegistryError};
use crate::license::FREE_INSTANCES;

/// How long a row lives without being renewed, in milliseconds.
pub const ALIVE_MILLIS: u64 = 30_000;

const COLUMNS: &str = "id, host, version, started_at, seen_at";

/// An origin that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id, new with each start.
    pub id: String,
    /// The machine it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// Unix milliseconds.
    pub started_at: u64,
    /// When it was last renewed, in unix milliseconds.
    pub seen_at: u64,
}

fn read(row: &Row) -> Result<Instance, RegistryError> {
    Ok(Instance {
        id: row.get(0)?,
        host: row.get(1)?,
        version: row.get(2)?,
        started_at: row.get(3)?,
        seen_at: row.get(4)?,
    })
}

async fn alive(db: &mut impl Query, now_millis: u64) -> Result<Vec<Instance>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM instances WHERE seen_at > $1 ORDER BY started_at, id");
    db.rows(&sql, values![now_millis.saturating_sub(ALIVE_MILLIS)]).await?.iter().map(read).collect()
}

impl Registry {
    /// The instances that are alive, the oldest first.
    pub async fn instances(&self, now_millis: u64) -> Result<Vec<Instance>, RegistryError> {
        alive(&mut self.reading(), now_millis).await
    }
}

impl Change {
    /// The instances that are alive, the oldest first.
    pub async fn instances(&mut self) -> Result<Vec<Instance>, RegistryError> {
        let now = self.now();
        alive(self, now).await
    }

    /// Registers an instance, seen now, unless `limit` others are alive. Rows of the dead go.
    pub async fn register_instance(&mut self, instance: &Instance, limit: u32) -> Result<(), RegistryError> {
        let now = self.now();
        self.execute("DELETE FROM instances WHERE seen_at <= $1", values![now.saturating_sub(ALIVE_MILLIS)]).await?;
        let others = self.instances().await?.into_iter().filter(|other| other.id != instance.id).count();
        if u32::try_from(others).map_or(true, |others| others >= limit) {
            let licence = if limit > FREE_INSTANCES { "a larger licence" } else { "a licence" };
            let message = format!("the {} instance needs {licence}: {others} are running", ordinal(others + 1));
            return Err(RegistryError::Refused(message));
        }
        let sql = "INSERT INTO instances (id, host, version, started_at, seen_at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (id) DO UPDATE SET seen_at = $5";
        let Instance { id, host, version, started_at, .. } = instance;
        self.execute(sql, values![id.as_str(), host.as_str(), version.as_str(), *started_at, now]).await?;
        let after = json!({ "host": host, "version": version });
        self.note("instance.start", format!("instance {id}"), None, Some(after));
        Ok(())
    }

    /// Renews an instance. Whether its row was there.
    pub async fn renew_instance(&mut self, id: &str) -> Result<bool, RegistryError> {
        let now = self.now();
        Ok(self.execute("UPDATE instances SET seen_at = $2 WHERE id = $1", values![id, now]).await? > 0)
    }

    /// Removes an instance that has ended; `is_killed` where it did not say so itself. Whether its row was there.
    pub async fn remove_instance(&mut self, id: &str, is_killed: bool) -> Result<bool, RegistryError> {
        let removed = self.execute("DELETE FROM instances WHERE id = $1", values![id]).await? > 0;
        if removed {
            let action = if is_killed { "instance.lost" } else { "instance.stop" };
            self.note(action, format!("instance {id}"), None, None);
        }
        Ok(removed)
    }
}

/// `4th`, `21st`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn ordinals_are_english() {
        let spelled = [1, 2, 3, 4, 6, 11, 12, 13, 21, 101, 111].map(super::ordinal);
        assert_eq!(spelled, ["1st", "2nd", "3rd", "4th", "6th", "11th", "12th", "13th", "21st", "101st", "111th"]);
    }
}
