//! Table `api_tokens`: what machines bring to the admin API. The registry knows a token's fingerprint alone.

use serde_json::json;

use super::database::{Row, values};
use super::{Change, Query, Registry, RegistryError};
use crate::access::id::{TokenId, UserId};
use crate::access::permission::Scopes;
use crate::access::role::Role;

const COLUMNS: &str = "t.id, t.user_id, t.name, t.scopes, t.created_at, t.expires_at, t.last_used_at";

/// How old `last_used_at` may be before a use moves it, in milliseconds: a write a minute at most.
const LAST_USED_MILLIS: u64 = 60_000;

/// An API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// Its id.
    pub id: TokenId,
    /// Who made it, whose role bounds it.
    pub user: UserId,
    /// What people call it.
    pub name: String,
    /// What it was made for.
    pub scopes: Scopes,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub expires_at: Option<u64>,
    /// Unix milliseconds, to the minute.
    pub last_used_at: Option<u64>,
}

fn read(row: &Row) -> Result<StoredToken, RegistryError> {
    Ok(StoredToken {
        id: row.parsed(0, "token's id", |text| TokenId::parse(text).ok())?,
        user: row.parsed(1, "token's user", |text| UserId::parse(text).ok())?,
        name: row.get(2)?,
        scopes: row.parsed(3, "token's scopes", |text| Scopes::parse(text).ok())?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        last_used_at: row.get(6)?,
    })
}

impl Registry {
    /// The token with this fingerprint and its owner's role; none where it has expired or its owner may not sign in.
    pub async fn token_by_fingerprint(
        &self,
        fingerprint: &str,
        now_millis: u64,
    ) -> Result<Option<(StoredToken, Role)>, RegistryError> {
        let sql = format!(
            "SELECT {COLUMNS}, u.role FROM api_tokens t JOIN users u ON u.id = t.user_id AND u.is_active = 1 \
             WHERE t.secret_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)"
        );
        let row = self.reading().row(&sql, values![fingerprint, now_millis]).await?;
        let owned = |row: Row| Ok((read(&row)?, row.parsed(7, "user's role", |text| Role::parse(text).ok())?));
        row.map(owned).transpose()
    }

    /// Tokens of a user, or of all, the oldest first.
    pub async fn tokens(&self, user: Option<&UserId>) -> Result<Vec<StoredToken>, RegistryError> {
        let (condition, values) = match user {
            Some(user) => ("WHERE t.user_id = $1", values![user.to_string()]),
            None => ("", Vec::new()),
        };
        let sql = format!("SELECT {COLUMNS} FROM api_tokens t {condition} ORDER BY t.created_at, t.id");
        self.database.read(&sql, values).await?.iter().map(read).collect()
    }

    /// Notes that a token was used, at most once a minute; no entry in the audit log.
    pub async fn token_was_used(&self, token: &StoredToken, now_millis: u64) -> Result<(), RegistryError> {
        if token.last_used_at.is_some_and(|at| now_millis < at + LAST_USED_MILLIS) {
            return Ok(());
        }
        let mut change = self.change(&super::Author::system(now_millis)).await?;
        let sql = "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1";
        change.execute(sql, values![token.id.to_string(), now_millis]).await?;
        change.commit().await
    }
}

impl Change {
    /// Adds a token by its fingerprint.
    pub async fn add_token(&mut self, token: &StoredToken, fingerprint: &str) -> Result<(), RegistryError> {
        let sql = "INSERT INTO api_tokens (id, user_id, name, secret_hash, scopes, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = values![
            token.id.to_string(),
            token.user.to_string(),
            token.name.as_str(),
            fingerprint,
            token.scopes.to_string(),
            token.created_at,
            token.expires_at,
        ];
        self.execute(sql, values).await?;
        let after = json!({ "name": token.name, "scopes": token.scopes, "expires_at": token.expires_at });
        self.note("token.create", format!("token {}", token.id), None, Some(after));
        Ok(())
    }

    /// Removes a token of a user, or of anybody.
    pub async fn remove_token(&mut self, id: &TokenId, of: Option<&UserId>) -> Result<(), RegistryError> {
        let held = self.row("SELECT user_id, name FROM api_tokens WHERE id = $1", values![id.to_string()]).await?;
        let held =
            held.filter(|row| of.is_none_or(|of| row.get::<String>(0).is_ok_and(|owner| owner == of.to_string())));
        let held = held.ok_or_else(|| RegistryError::Missing("such token".to_owned()))?;
        self.execute("DELETE FROM api_tokens WHERE id = $1", values![id.to_string()]).await?;
        let before = json!({ "name": held.get::<String>(1)? });
        self.note("token.remove", format!("token {id}"), Some(before), None);
        Ok(())
    }
}
