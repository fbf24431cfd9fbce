//! Tables `login_attempts` and `login_failures`: what throttles guessing, and what sums it up for the audit log.
//!
//! The first failure of an account and address in a minute is an entry of its own; the ones after it are counted and
//! become one entry when the minute is over.

use serde_json::json;

use super::database::values;
use super::{Actor, Change, Query, Registry, RegistryError};
use crate::access::throttle::Attempts;

/// A minute in milliseconds.
const MINUTE_MILLIS: u64 = 60_000;

async fn attempts(db: &mut impl Query, subject: &str) -> Result<Option<Attempts>, RegistryError> {
    let sql = "SELECT failures, since, blocked_until FROM login_attempts WHERE subject = $1";
    let row = db.row(sql, values![subject]).await?;
    row.map(|row| Ok(Attempts { failures: row.get(0)?, since_millis: row.get(1)?, blocked_until_millis: row.get(2)? }))
        .transpose()
}

impl Registry {
    /// Failed attempts of a subject, `account:…` or `address:…`.
    pub async fn attempts(&self, subject: &str) -> Result<Option<Attempts>, RegistryError> {
        attempts(&mut self.reading(), subject).await
    }
}

impl Change {
    /// Failed attempts of a subject, as they stand in this change.
    pub async fn attempts(&mut self, subject: &str) -> Result<Option<Attempts>, RegistryError> {
        attempts(self, subject).await
    }

    /// Stores the failed attempts of a subject.
    pub async fn put_attempts(&mut self, subject: &str, attempts: &Attempts) -> Result<(), RegistryError> {
        let sql = "INSERT INTO login_attempts (subject, failures, since, blocked_until) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (subject) DO UPDATE SET failures = $2, since = $3, blocked_until = $4";
        let values = values![subject, attempts.failures, attempts.since_millis, attempts.blocked_until_millis];
        self.execute(sql, values).await.map(|_| ())
    }

    /// Forgets the failed attempts of a subject.
    pub async fn forget_attempts(&mut self, subject: &str) -> Result<(), RegistryError> {
        self.execute("DELETE FROM login_attempts WHERE subject = $1", values![subject]).await.map(|_| ())
    }

    /// Counts a failed login of `account` (as it was given, in part) from `address`.
    pub async fn note_login_failure(&mut self, account: &str, address: &str) -> Result<(), RegistryError> {
        let minute = self.now() / MINUTE_MILLIS;
        let sql = "INSERT INTO login_failures (account, address, minute, count) VALUES ($1, $2, $3, 0) \
                   ON CONFLICT (account, address, minute) DO UPDATE SET count = login_failures.count + 1 \
                   RETURNING count";
        let row = self.row(sql, values![account, address, minute]).await?;
        if row.map_or(Ok(0_u64), |row| row.get(0))? == 0 {
            self.note("session.failure", format!("account {account}"), None, None);
        }
        Ok(())
    }

    /// Sums up the failures of minutes that are over. How many entries that made.
    pub async fn sum_up_login_failures(&mut self) -> Result<u64, RegistryError> {
        let minute = self.now() / MINUTE_MILLIS;
        let sql = "DELETE FROM login_failures WHERE minute < $1 RETURNING account, address, minute, count";
        let mut entries = 0;
        for row in self.rows(sql, values![minute]).await? {
            let (account, address): (String, String) = (row.get(0)?, row.get(1)?);
            let (minute, count): (u64, u64) = (row.get(2)?, row.get(3)?);
            if count > 0 {
                let after = json!({ "more": count, "address": address, "minute": minute });
                self.note("session.failures", format!("account {account}"), None, Some(after));
                entries += 1;
            }
        }
        Ok(entries)
    }

    /// Who acts in this change is known only now, such as after a password was checked.
    pub fn set_actor(&mut self, actor: Actor) {
        self.author.actor = actor;
    }

    /// Forgets attempts whose time has passed, in unix milliseconds.
    pub async fn sweep_attempts(&mut self, before: u64) -> Result<u64, RegistryError> {
        let sql = "DELETE FROM login_attempts WHERE since < $1 AND blocked_until < $1";
        self.execute(sql, values![before]).await
    }
}
