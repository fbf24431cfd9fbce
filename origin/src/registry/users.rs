//! Table `users`.

use serde_json::json;

use super::database::{Row, values};
use super::{Change, Query, Registry, RegistryError};
use crate::access::id::UserId;
use crate::access::role::Role;

const COLUMNS: &str = "id, email, name, role, password_hash, is_active, created_at, changed_at, last_login_at";

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What they sign in with: lower-case, unique.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password's Argon2id hash, as a PHC string.
    pub password_hash: String,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub changed_at: u64,
    /// Unix milliseconds.
    pub last_login_at: Option<u64>,
}

/// A user as the audit log shows them.
fn described(user: &User) -> serde_json::Value {
    json!({ "email": user.email, "name": user.name, "role": user.role, "is_active": user.is_active })
}

fn read(row: &Row) -> Result<User, RegistryError> {
    Ok(User {
        id: row.parsed(0, "user's id", |text| UserId::parse(text).ok())?,
        email: row.get(1)?,
        name: row.get(2)?,
        role: row.parsed(3, "user's role", |text| Role::parse(text).ok())?,
        password_hash: row.get(4)?,
        is_active: row.get(5)?,
        created_at: row.get(6)?,
        changed_at: row.get(7)?,
        last_login_at: row.get(8)?,
    })
}

async fn find(db: &mut impl Query, column: &'static str, value: &str) -> Result<Option<User>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE {column} = $1");
    db.row(&sql, values![value]).await?.as_ref().map(read).transpose()
}

impl Registry {
    /// A user by id.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, RegistryError> {
        find(&mut self.reading(), "id", &id.to_string()).await
    }

    /// A user by email address, lower-case.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, RegistryError> {
        find(&mut self.reading(), "email", email).await
    }

    /// All users, the oldest first.
    pub async fn users(&self) -> Result<Vec<User>, RegistryError> {
        let sql = format!("SELECT {COLUMNS} FROM users ORDER BY created_at, id");
        self.database.read(&sql, Vec::new()).await?.iter().map(read).collect()
    }
}

impl Change {
    /// A user by email address, lower-case, as they stand in this change.
    pub async fn user_by_email(&mut self, email: &str) -> Result<Option<User>, RegistryError> {
        find(self, "email", email).await
    }

    /// A user as they stand in this change.
    pub async fn user(&mut self, id: &UserId) -> Result<User, RegistryError> {
        find(self, "id", &id.to_string()).await?.ok_or_else(|| RegistryError::Missing("such user".to_owned()))
    }

    /// Adds a user. The first one must be an active admin, so that there is always one, and ends the first run.
    pub async fn add_user(&mut self, user: &User) -> Result<(), RegistryError> {
        if find(self, "email", &user.email).await?.is_some() {
            return Err(RegistryError::Exists("a user with this email address".to_owned()));
        }
        if self.needs_setup().await? {
            if user.role != Role::Admin || !user.is_active {
                return Err(RegistryError::Refused("the first user must be an active admin".to_owned()));
            }
            self.end_setup().await?;
        }
        let now = self.now();
        let sql = format!("INSERT INTO users ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, NULL)");
        let values = values![
            user.id.to_string(),
            user.email.as_str(),
            user.name.as_str(),
            user.role.as_str(),
            user.password_hash.as_str(),
            user.is_active,
            now,
        ];
        self.execute(&sql, values).await?;
        self.note("user.create", format!("user {}", user.id), None, Some(described(user)));
        Ok(())
    }

    /// Changes name, email, role and whether the user may sign in; the last active admin stays one. Who may not sign in
    /// any more loses their sessions, here and now.
    pub async fn put_user(&mut self, user: &User) -> Result<(), RegistryError> {
        let stored = self.user(&user.id).await?;
        if described(&stored) == described(user) {
            return Ok(());
        }
        if find(self, "email", &user.email).await?.is_some_and(|other| other.id != user.id) {
            return Err(RegistryError::Exists("a user with this email address".to_owned()));
        }
        if user.role != Role::Admin || !user.is_active {
            self.keep_an_admin(&stored).await?;
        }
        let sql = "UPDATE users SET email = $2, name = $3, role = $4, is_active = $5, changed_at = $6 WHERE id = $1";
        let now = self.now();
        let values = values![
            user.id.to_string(),
            user.email.as_str(),
            user.name.as_str(),
            user.role.as_str(),
            user.is_active,
            now,
        ];
        self.execute(sql, values).await?;
        if !user.is_active {
            self.end_sessions(&user.id, None).await?;
        }
        self.note("user.change", format!("user {}", user.id), Some(described(&stored)), Some(described(user)));
        Ok(())
    }

    /// Sets a password's hash, and ends the user's sessions but `kept`.
    pub async fn set_password(
        &mut self,
        id: &UserId,
        password_hash: &str,
        kept: Option<&str>,
    ) -> Result<(), RegistryError> {
        self.user(id).await?;
        let sql = "UPDATE users SET password_hash = $2, changed_at = $3 WHERE id = $1";
        let now = self.now();
        self.execute(sql, values![id.to_string(), password_hash, now]).await?;
        self.end_sessions(id, kept).await?;
        self.note("user.password", format!("user {id}"), None, None);
        Ok(())
    }

    /// Replaces a password's hash by one of the same password with today's parameters; no entry in the audit log.
    pub async fn rehash_password(&mut self, id: &UserId, password_hash: &str) -> Result<(), RegistryError> {
        let sql = "UPDATE users SET password_hash = $2 WHERE id = $1";
        self.execute(sql, values![id.to_string(), password_hash]).await.map(|_| ())
    }

    /// Removes a user with their sessions and API tokens; the last active admin stays.
    pub async fn remove_user(&mut self, id: &UserId) -> Result<(), RegistryError> {
        let stored = self.user(id).await?;
        self.keep_an_admin(&stored).await?;
        for table in ["sessions", "api_tokens"] {
            self.execute(&format!("DELETE FROM {table} WHERE user_id = $1"), values![id.to_string()]).await?;
        }
        self.execute("DELETE FROM users WHERE id = $1", values![id.to_string()]).await?;
        self.note("user.remove", format!("user {id}"), Some(described(&stored)), None);
        Ok(())
    }

    /// Refuses where `user` is the only active admin.
    async fn keep_an_admin(&mut self, user: &User) -> Result<(), RegistryError> {
        let sql = "SELECT 1 FROM users WHERE role = 'admin' AND is_active = 1 AND id <> $1 LIMIT 1";
        let is_admin = user.role == Role::Admin && user.is_active;
        if is_admin && self.row(sql, values![user.id.to_string()]).await?.is_none() {
            return Err(RegistryError::Refused("this is the last active admin".to_owned()));
        }
        Ok(())
    }
}
