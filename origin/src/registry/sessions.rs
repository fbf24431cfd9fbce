//! Table `sessions`: a session is valid while its row is there.

use serde_json::json;

use super::database::{Row, values};
use super::{Change, Query, Registry, RegistryError};
use crate::access::id::UserId;
use crate::access::role::Role;

const COLUMNS: &str = "id, user_id, created_at, expires_at, address, user_agent";

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id: the token's `jti`.
    pub id: String,
    /// Whose; none for a guest's.
    pub user: Option<UserId>,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub expires_at: u64,
    /// Where it was begun.
    pub address: Option<String>,
    /// With which browser.
    pub user_agent: Option<String>,
}

/// Who a session is, as the registry has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionOwner {
    /// An active user.
    User {
        /// Their id.
        id: UserId,
        /// Their email address.
        email: String,
        /// Their role.
        role: Role,
    },
    /// A guest.
    Guest,
}

fn read(row: &Row) -> Result<Session, RegistryError> {
    let user: Option<String> = row.get(1)?;
    let user = user.map(|id| UserId::parse(&id).map_err(|_| RegistryError::Unreadable("session's user".to_owned())));
    Ok(Session {
        id: row.get(0)?,
        user: user.transpose()?,
        created_at: row.get(2)?,
        expires_at: row.get(3)?,
        address: row.get(4)?,
        user_agent: row.get(5)?,
    })
}

impl Registry {
    /// Who the session is that `id` names: nobody where it has ended, or its user may not sign in any more.
    pub async fn session_owner(&self, id: &str, now_millis: u64) -> Result<Option<SessionOwner>, RegistryError> {
        let sql = "SELECT u.id, u.email, u.role, s.user_id FROM sessions s \
                   LEFT JOIN users u ON u.id = s.user_id AND u.is_active = 1 WHERE s.id = $1 AND s.expires_at > $2";
        let Some(row) = self.reading().row(sql, values![id, now_millis]).await? else { return Ok(None) };
        if row.get::<Option<String>>(3)?.is_none() {
            return Ok(Some(SessionOwner::Guest));
        }
        if row.get::<Option<String>>(0)?.is_none() {
            return Ok(None);
        }
        Ok(Some(SessionOwner::User {
            id: row.parsed(0, "user's id", |text| UserId::parse(text).ok())?,
            email: row.get(1)?,
            role: row.parsed(2, "user's role", |text| Role::parse(text).ok())?,
        }))
    }

    /// A session, unless it is over.
    pub async fn session(&self, id: &str, now_millis: u64) -> Result<Option<Session>, RegistryError> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = $1 AND expires_at > $2");
        self.reading().row(&sql, values![id, now_millis]).await?.as_ref().map(read).transpose()
    }

    /// A user's sessions, the newest first.
    pub async fn sessions(&self, user: &UserId, now_millis: u64) -> Result<Vec<Session>, RegistryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id"
        );
        let rows = self.database.read(&sql, values![user.to_string(), now_millis]).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Begins a session; a user's moves their last login.
    pub async fn begin_session(&mut self, session: &Session) -> Result<(), RegistryError> {
        let sql = format!("INSERT INTO sessions ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)");
        let user = session.user.as_ref().map(ToString::to_string);
        let values = values![
            session.id.as_str(),
            user.clone(),
            session.created_at,
            session.expires_at,
            session.address.clone(),
            session.user_agent.clone(),
        ];
        self.execute(&sql, values).await?;
        if let Some(user) = user {
            let sql = "UPDATE users SET last_login_at = $2 WHERE id = $1";
            self.execute(sql, values![user.as_str(), session.created_at]).await?;
            self.note("session.begin", format!("user {user}"), None, Some(json!({ "session": session.id })));
        }
        Ok(())
    }

    /// Whether a session is there, as it stands in this change.
    pub async fn has_session(&mut self, id: &str) -> Result<bool, RegistryError> {
        let now = self.now();
        let sql = "SELECT 1 FROM sessions WHERE id = $1 AND expires_at > $2";
        Ok(self.row(sql, values![id, now]).await?.is_some())
    }

    /// Moves the end of a session that is not over. Whether there is one.
    pub async fn extend_session(&mut self, id: &str, expires_at: u64) -> Result<bool, RegistryError> {
        let now = self.now();
        let sql = "UPDATE sessions SET expires_at = $2 WHERE id = $1 AND expires_at > $3";
        let extended = self.execute(sql, values![id, expires_at, now]).await? > 0;
        if extended {
            self.note("session.refresh", format!("session {id}"), None, Some(json!({ "expires_at": expires_at })));
        }
        Ok(extended)
    }

    /// Ends a session: anybody's, or that of one user. Whether there was one.
    pub async fn end_session(&mut self, id: &str, of: Option<&UserId>) -> Result<bool, RegistryError> {
        let ended = match of {
            None => self.execute("DELETE FROM sessions WHERE id = $1", values![id]).await?,
            Some(user) => {
                let sql = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
                self.execute(sql, values![id, user.to_string()]).await?
            }
        };
        if ended > 0 {
            self.note("session.end", format!("session {id}"), None, None);
        }
        Ok(ended > 0)
    }

    /// Ends a user's sessions but `kept`. How many there were.
    pub async fn end_sessions(&mut self, user: &UserId, kept: Option<&str>) -> Result<u64, RegistryError> {
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        let ended = self.execute(sql, values![user.to_string(), kept.unwrap_or_default()]).await?;
        if ended > 0 {
            self.note("session.end_all", format!("user {user}"), None, Some(json!({ "ended": ended })));
        }
        Ok(ended)
    }

    /// Ends every session, users' and guests'; the caller notes it. How many there were.
    pub async fn end_every_session(&mut self) -> Result<u64, RegistryError> {
        self.execute("DELETE FROM sessions", Vec::new()).await
    }

    /// Removes sessions that are over.
    pub async fn sweep_sessions(&mut self) -> Result<u64, RegistryError> {
        let now = self.now();
        self.execute("DELETE FROM sessions WHERE expires_at <= $1", values![now]).await
    }
}
