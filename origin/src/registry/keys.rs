//! Table `api_keys`.

use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;
use serde_json::json;

use super::database::{Row, values};
use super::{
    Cell, Change, Key, Project, Query, RecordName, Registry, RegistryError, Versioned, next_version, outbox, projects,
    to_json,
};

/// The columns that [`read`] reads, of the table as `k`.
const COLUMNS: &str = "k.public_key, k.project, k.name, k.secret_cell, k.cell_version, k.state, k.not_after, \
                       k.limits, k.policy, k.version, k.created_at";

/// How many they are.
const WIDTH: usize = 11;

pub(super) async fn find(db: &mut impl Query, key: PublicKey) -> Result<Option<Key>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys k WHERE k.public_key = $1");
    db.row(&sql, values![key.to_string()]).await?.as_ref().map(read).transpose()
}

pub(super) async fn list(db: &mut impl Query, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
    let (condition, values) = match project {
        Some(project) => ("WHERE k.project = $1", values![project.as_str()]),
        None => ("", Vec::new()),
    };
    let sql = format!("SELECT {COLUMNS} FROM api_keys k {condition} ORDER BY k.created_at, k.public_key");
    db.rows(&sql, values).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Key, RegistryError> {
    let state = |text: &str| match text {
        "active" => Some(KeyState::Active),
        "revoked" => Some(KeyState::Revoked),
        _ => None,
    };
    let secret =
        Cell { table: "api_keys", row: row.get(0)?, column: "secret_cell", version: row.get(4)?, sealed: row.get(3)? };
    Ok(Key {
        public_key: row.parsed(0, "key", |text| PublicKey::parse(text).ok())?,
        project: row.parsed(1, "key's project", Slug::new)?,
        name: row.get(2)?,
        secret,
        state: row.parsed(5, "key's state", state)?,
        not_after: row.get(6)?,
        limits: row.json(7, "key's limits")?,
        policy: row.json(8, "key's policy")?,
        version: row.get(9)?,
        created_at: row.get(10)?,
    })
}

/// A key as the audit log shows it.
fn described(key: &Key) -> serde_json::Value {
    json!({
        "project": key.project, "name": key.name, "state": key.state, "not_after": key.not_after,
        "limits": key.limits, "policy": key.policy,
    })
}

async fn insert(change: &mut Change, key: &Key) -> Result<(), RegistryError> {
    if find(change, key.public_key).await?.is_some() {
        return Err(RegistryError::Exists(format!("key {}", key.public_key)));
    }
    if projects::find(change, &key.project).await?.is_none() {
        return Err(RegistryError::Missing(format!("project {}", key.project)));
    }
    let now = change.now();
    let sql = "INSERT INTO api_keys (public_key, project, name, secret_cell, cell_version, state, not_after, limits, \
               policy, version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
    let values = values![
        key.public_key.to_string(),
        key.project.as_str(),
        key.name.as_str(),
        key.secret.sealed.as_str(),
        key.secret.version,
        state_text(key.state),
        key.not_after,
        to_json(&key.limits)?,
        to_json(&key.policy)?,
        now,
    ];
    change.execute(sql, values).await?;
    outbox::queue(change, &RecordName::Key(key.public_key), now).await
}

/// Changes what may change; an equal key keeps its version. Whether it changed.
async fn update(change: &mut Change, stored: &Key, wanted: &Key) -> Result<bool, RegistryError> {
    let key = wanted.clone().changing(stored)?;
    if key == *stored {
        return Ok(false);
    }
    let version = next_version(stored.version, change.now());
    let sql = "UPDATE api_keys SET name = $2, state = $3, not_after = $4, limits = $5, policy = $6, version = $7 \
               WHERE public_key = $1";
    let values = values![
        key.public_key.to_string(),
        key.name.as_str(),
        state_text(key.state),
        key.not_after,
        to_json(&key.limits)?,
        to_json(&key.policy)?,
        version,
    ];
    change.execute(sql, values).await?;
    outbox::queue(change, &RecordName::Key(key.public_key), version).await?;
    Ok(true)
}

fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Revoked => "revoked",
    }
}

impl Registry {
    /// A key with the project it belongs to, for the gate: one statement, so one round trip and one moment.
    pub async fn key_and_project(
        &self,
        key: PublicKey,
        project: &Slug,
    ) -> Result<(Option<Key>, Option<Versioned<Project>>), RegistryError> {
        let sql = format!(
            "SELECT {COLUMNS}, {} FROM (SELECT 1 AS one) one LEFT JOIN api_keys k ON k.public_key = $1 \
             LEFT JOIN projects p ON p.slug = $2",
            projects::COLUMNS
        );
        let row = self.database.read(&sql, values![key.to_string(), project.as_str()]).await?;
        let Some(row) = row.first() else { return Ok((None, None)) };
        let has_key = row.get::<Option<String>>(0)?.is_some();
        let has_project = row.get::<Option<String>>(WIDTH)?.is_some();
        let key = has_key.then(|| read(row)).transpose()?;
        let project = has_project.then(|| projects::read(&row.after(WIDTH))).transpose()?;
        Ok((key, project))
    }

    /// A key.
    pub async fn key(&self, key: PublicKey) -> Result<Option<Key>, RegistryError> {
        find(&mut self.reading(), key).await
    }

    /// All keys, of one project or of all, the oldest first.
    pub async fn keys(&self, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
        list(&mut self.reading(), project).await
    }
}

impl Change {
    /// Adds a key to its project.
    pub async fn add_key(&mut self, key: &Key) -> Result<(), RegistryError> {
        insert(self, key).await?;
        self.note("key.create", format!("key {}", key.public_key), None, Some(described(key)));
        Ok(())
    }

    /// Adds a key, or changes the one that is there, as far as a key may change.
    pub async fn put_key(&mut self, key: &Key) -> Result<(), RegistryError> {
        let Some(stored) = find(self, key.public_key).await? else { return self.add_key(key).await };
        if update(self, &stored, key).await? {
            let after = described(&key.clone().changing(&stored)?);
            self.note("key.change", format!("key {}", key.public_key), Some(described(&stored)), Some(after));
        }
        Ok(())
    }

    /// A key as it stands in this change.
    pub async fn key(&mut self, key: PublicKey) -> Result<Key, RegistryError> {
        find(self, key).await?.ok_or_else(|| RegistryError::Missing(format!("key {key}")))
    }

    /// All keys as they stand in this change.
    pub async fn keys(&mut self) -> Result<Vec<Key>, RegistryError> {
        list(self, None).await
    }

    /// Revokes a key, for good; once more changes nothing.
    pub async fn revoke_key(&mut self, key: PublicKey) -> Result<(), RegistryError> {
        let stored = self.key(key).await?;
        if update(self, &stored, &Key { state: KeyState::Revoked, ..stored.clone() }).await? {
            self.note("key.revoke", format!("key {key}"), None, None);
        }
        Ok(())
    }

    /// Gives `old` its last second, `last` (unix seconds), and adds `new` in its place.
    pub async fn rotate_key(&mut self, old: PublicKey, last: u64, new: &Key) -> Result<(), RegistryError> {
        let stored = self.key(old).await?;
        update(self, &stored, &stored.clone().ending(last)?).await?;
        insert(self, new).await?;
        let after = json!({ "new_key": new.public_key, "old_not_after": last });
        self.note("key.rotate", format!("key {old}"), None, Some(after));
        Ok(())
    }

    /// Stores a key's secret sealed anew.
    pub async fn reseal_key(&mut self, cell: &Cell) -> Result<(), RegistryError> {
        let sql = "UPDATE api_keys SET secret_cell = $2, cell_version = $3 WHERE public_key = $1";
        self.execute(sql, values![cell.row.as_str(), cell.sealed.as_str(), cell.version]).await.map(|_| ())
    }
}
