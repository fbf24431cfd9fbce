//! What a route needs and who has it: one table of permissions, and the one function that asks it.
//!
//! A permission that a machine may hold is a scope of API tokens by the same name. The rights of callers form a
//! chain (guest, viewer, editor, admin), so that the table needs one column for them: the least who may.

use std::collections::BTreeSet;
use std::fmt;

use super::role::{Caller, GuestMode, Role};

/// The least caller who has a permission; those above have it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Guests, while guest mode is on, and every user.
    Guest,
    /// Users of this role or a greater one.
    Role(Role),
}

const VIEWER: Least = Least::Role(Role::Viewer);
const EDITOR: Least = Least::Role(Role::Editor);
const ADMIN: Least = Least::Role(Role::Admin);

/// Whether API tokens may hold a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Users, and tokens that have the scope.
    Anyone,
    /// Users who are signed in: a token may not widen or renew itself (ADM-2).
    Person,
}

macro_rules! permissions {
    ($(#[doc = $doc:literal] $permission:ident = $name:literal, $least:expr, $by:expr;)+) => {
        /// What a route needs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $(#[doc = $doc] $permission,)+
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$permission,)+];

            /// The permission's name, which is the scope's.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$permission => $name,)+ }
            }

            /// What it is for, in a line.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $(Self::$permission => $doc,)+ }.trim_start()
            }

            const fn least(self) -> Least {
                match self { $(Self::$permission => $least,)+ }
            }

            const fn by(self) -> By {
                match self { $(Self::$permission => $by,)+ }
            }
        }
    };
}

permissions! {
    /// Read projects and their policies.
    ProjectsRead = "projects:read", VIEWER, By::Anyone;
    /// Create and change projects and their policies.
    ProjectsWrite = "projects:write", EDITOR, By::Anyone;
    /// Read API keys; never their secrets.
    KeysRead = "keys:read", VIEWER, By::Anyone;
    /// Create, change, rotate and revoke API keys.
    KeysWrite = "keys:write", EDITOR, By::Anyone;
    /// Read presets and watermarks.
    PresetsRead = "presets:read", VIEWER, By::Anyone;
    /// Create, change and delete presets and watermarks.
    PresetsWrite = "presets:write", EDITOR, By::Anyone;
    /// Read sources; never their credentials.
    SourcesRead = "sources:read", VIEWER, By::Anyone;
    /// Create, change and delete sources: what the origin may reach.
    SourcesWrite = "sources:write", ADMIN, By::Anyone;
    /// Look at the gallery.
    GalleryRead = "gallery:read", Least::Guest, By::Anyone;
    /// Have the origin sign URLs.
    Sign = "sign", EDITOR, By::Anyone;
    /// Purge derivatives from caches.
    Purge = "purge", EDITOR, By::Anyone;
    /// Read usage counts.
    UsageRead = "usage:read", VIEWER, By::Anyone;
    /// Read settings; never secret ones.
    SettingsRead = "settings:read", ADMIN, By::Anyone;
    /// Change settings.
    SettingsWrite = "settings:write", ADMIN, By::Anyone;
    /// Read users, their sessions and tokens.
    UsersRead = "users:read", ADMIN, By::Anyone;
    /// Create, change and deactivate users; end their sessions and tokens.
    UsersWrite = "users:write", ADMIN, By::Person;
    /// Read the audit log.
    AuditRead = "audit:read", ADMIN, By::Anyone;
    /// Read the licence's state.
    LicenseRead = "license:read", ADMIN, By::Anyone;
    /// Activate and remove the licence.
    LicenseWrite = "license:write", ADMIN, By::Anyone;
    /// Read the list of live instances.
    InstancesRead = "instances:read", ADMIN, By::Anyone;
    /// Change one's own password, sessions and API tokens.
    OwnAccount = "account", VIEWER, By::Person;
}

impl serde::Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A permission that an API token may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Scope(Permission);

/// Not a scope. Holds the name that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope of API tokens")]
pub struct NotAScope(String);

impl Scope {
    /// The scope for a permission, unless it is one that no token may hold.
    #[must_use]
    pub fn of(permission: Permission) -> Option<Self> {
        (permission.by() == By::Anyone).then_some(Self(permission))
    }

    /// Every scope, for lists and docs: name by `as_str`, meaning by `permission().doc()`.
    pub fn all() -> impl Iterator<Item = Self> {
        Permission::ALL.iter().copied().filter_map(Self::of)
    }

    /// The scope of that name, such as `keys:read`.
    pub fn parse(name: &str) -> Result<Self, NotAScope> {
        // A name out of a request is repeated in the error, cut to what a reader needs.
        Self::all().find(|scope| scope.as_str() == name).ok_or_else(|| NotAScope(name.chars().take(40).collect()))
    }

    /// The scope's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0.as_str()
    }

    /// What it permits.
    #[must_use]
    pub const fn permission(self) -> Permission {
        self.0
    }
}

impl TryFrom<String> for Scope {
    type Error = NotAScope;

    fn try_from(name: String) -> Result<Self, NotAScope> {
        Self::parse(&name)
    }
}

impl From<Scope> for &'static str {
    fn from(scope: Scope) -> Self {
        scope.as_str()
    }
}

/// The scopes of a token: a list of names in JSON, names between spaces in the registry. May be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Reads names between single spaces; nothing is no scope. An unknown name is an error, never skipped.
    pub fn parse(names: &str) -> Result<Self, NotAScope> {
        names.split(' ').filter(|_| !names.is_empty()).map(Scope::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the scopes hold this permission.
    #[must_use]
    pub fn hold(&self, permission: Permission) -> bool {
        self.0.contains(&Scope(permission))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            write!(out, "{}{}", if at == 0 { "" } else { " " }, scope.as_str())?;
        }
        Ok(())
    }
}

/// Whether `caller` may do what needs `permission`.
#[must_use]
pub fn allows(caller: &Caller, guests: GuestMode, permission: Permission) -> bool {
    let role_allows = |role: Role| match permission.least() {
        Least::Guest => true,
        Least::Role(least) => role >= least,
    };
    match caller {
        Caller::User { role, .. } => role_allows(*role),
        Caller::Token { scopes, owner_role, .. } => scopes.hold(permission) && role_allows(*owner_role),
        Caller::Guest => guests == GuestMode::On && permission.least() == Least::Guest,
        Caller::Nobody => false,
    }
}

#[cfg(test)]
#[path = "permission_tests.rs"]
mod tests;
