//! Who changes the registry, from where and when.

use std::net::IpAddr;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A user who is logged in.
    User {
        /// The user's id.
        id: String,
        /// The user's email address.
        email: String,
    },
    /// A machine with an API token.
    Token {
        /// The token's id.
        id: String,
        /// What people call it.
        name: String,
    },
    /// Somebody who is not logged in, by the account they name, if they name one.
    Anonymous(String),
    /// A guest of the gallery.
    Guest,
    /// A command on the origin's machine, by its operating system's user.
    Command(String),
    /// The Worker.
    Edge,
    /// The origin by itself.
    System,
}

impl Actor {
    /// The kind, as the audit log has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Token { .. } => "token",
            Self::Anonymous(_) => "anonymous",
            Self::Guest => "guest",
            Self::Command(_) => "command",
            Self::Edge => "edge",
            Self::System => "system",
        }
    }

    /// Which one of its kind.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::User { id, email } => format!("{email} ({id})"),
            Self::Token { id, name } => format!("{name} ({id})"),
            Self::Anonymous(name) | Self::Command(name) => name.clone(),
            Self::Guest | Self::Edge | Self::System => String::new(),
        }
    }
}

/// The author of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: Actor,
    /// From where, if by network.
    pub address: Option<IpAddr>,
    /// The request's id, if it was one.
    pub request_id: Option<String>,
    /// When, in unix milliseconds.
    pub at_millis: u64,
}

impl Author {
    /// The origin by itself.
    #[must_use]
    pub fn system(at_millis: u64) -> Self {
        Self { actor: Actor::System, address: None, request_id: None, at_millis }
    }

    /// The Worker.
    #[must_use]
    pub fn edge(at_millis: u64) -> Self {
        Self { actor: Actor::Edge, ..Self::system(at_millis) }
    }

    /// A command of this process's user.
    #[must_use]
    pub fn command(at_millis: u64) -> Self {
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        Self { actor: Actor::Command(user), ..Self::system(at_millis) }
    }
}
