//! The roles of users, each of which may do all that the one below it may, and the kinds of callers.

use super::id::{TokenId, UserId};
use super::permission::Scopes;

/// A user's role. `Admin` is the greatest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, changes nothing.
    Viewer,
    /// Works in projects: keys, presets, gallery, signing.
    Editor,
    /// Everything.
    Admin,
}

/// Not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is admin, editor or viewer")]
pub struct NotARole;

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// The role's name, as in JSON and in the registry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of that name; names are lower-case.
    pub fn parse(name: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or(NotARole)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Who makes a request, as the registry has them at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A signed-in, active user.
    User {
        /// The user.
        id: UserId,
        /// Their role now.
        role: Role,
    },
    /// A machine with an API token whose owner is active.
    Token {
        /// The token.
        id: TokenId,
        /// What it was made for.
        scopes: Scopes,
        /// Its owner's role now: the token has no more than that.
        owner_role: Role,
    },
    /// A guest's session.
    Guest,
    /// Nobody that is known.
    Nobody,
}

/// Whether guests are let in: `ALLOW_GUEST_MODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestMode {
    /// A guest may do what the table says.
    On,
    /// A guest is nobody, whatever session they hold.
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_json_and_in_the_registry() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
            assert_eq!(serde_json::from_str::<Role>(&format!("\"{role}\"")).unwrap(), role);
        }
        for other in ["", "Admin", "admin ", "root", "guest"] {
            assert_eq!(Role::parse(other), Err(NotARole));
        }
    }

    #[test]
    fn admin_is_above_editor_is_above_viewer() {
        assert!(Role::Admin > Role::Editor && Role::Editor > Role::Viewer);
    }
}
