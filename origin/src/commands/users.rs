//! `sealpix users`: who may sign in. A user is named by email address or id.

mod password;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sealpix_origin::access::email::Email;
use sealpix_origin::access::id::UserId;
use sealpix_origin::access::label::Label;
use sealpix_origin::access::password::hash_in_turn;
use sealpix_origin::access::role::Role;
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::{Author, Change, User};
use serde_json::{Value, json};

use super::{CommandError, open, open_existing, print_json};
use password::new_password;

/// Make, list, change and remove users.
#[derive(Args)]
pub(crate) struct Users {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Subcommand)]
enum UsersCommand {
    /// List users
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a user; the first one must be an admin
    Create {
        /// What they will sign in with
        #[arg(long)]
        email: String,
        /// What people call them
        #[arg(long)]
        name: String,
        /// What they may do
        #[arg(long)]
        role: GivenRole,
        /// A file with the password, - for standard input; without, it is asked for
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change what a user may do, from their next request on
    SetRole {
        /// Email address or id
        user: String,
        /// What they may do
        role: GivenRole,
    },
    /// Let a user sign in again
    Activate {
        /// Email address or id
        user: String,
    },
    /// Let a user sign in no more, and end their sessions
    Deactivate {
        /// Email address or id
        user: String,
    },
    /// Remove a user with their sessions and API tokens
    Remove {
        /// Email address or id
        user: String,
    },
    /// Set a user's password, and end their sessions
    Password {
        /// Email address or id
        user: String,
        /// A file with the password, - for standard input; without, it is asked for
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List and end a user's sessions
    Sessions {
        #[command(subcommand)]
        command: SessionsCommand,
    },
}

#[derive(Subcommand)]
enum SessionsCommand {
    /// List a user's sessions
    List {
        /// Email address or id
        user: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// End all of a user's sessions, at once
    End {
        /// Email address or id
        user: String,
    },
}

/// A role, as the command line takes it.
#[derive(Clone, Copy, ValueEnum)]
enum GivenRole {
    Admin,
    Editor,
    Viewer,
}

impl From<GivenRole> for Role {
    fn from(role: GivenRole) -> Self {
        match role {
            GivenRole::Admin => Self::Admin,
            GivenRole::Editor => Self::Editor,
            GivenRole::Viewer => Self::Viewer,
        }
    }
}

impl Users {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        // The first admin may come before the first start.
        let is_create = matches!(self.command, UsersCommand::Create { .. });
        let origin = if is_create { open().await? } else { open_existing().await? };
        match self.command {
            UsersCommand::List { json } => list(&origin, json).await,
            UsersCommand::Create { email, name, role, password_file } => {
                create(&origin, &email, &name, role.into(), password_file).await
            }
            UsersCommand::SetRole { user, role } => {
                let role = role.into();
                put(&origin, &user, |user| User { role, ..user }).await?;
                println!("{user} is {role}");
                Ok(())
            }
            UsersCommand::Activate { user } => {
                put(&origin, &user, |user| User { is_active: true, ..user }).await?;
                println!("activated {user}");
                Ok(())
            }
            UsersCommand::Deactivate { user } => {
                put(&origin, &user, |user| User { is_active: false, ..user }).await?;
                println!("deactivated {user}");
                Ok(())
            }
            UsersCommand::Remove { user } => {
                let mut change = begin(&origin).await?;
                let id = find(&mut change, &user).await?.id;
                change.remove_user(&id).await?;
                change.commit().await?;
                println!("removed {user}");
                Ok(())
            }
            UsersCommand::Password { user, password_file } => password(&origin, &user, password_file).await,
            UsersCommand::Sessions { command: SessionsCommand::List { user, json } } => {
                sessions(&origin, &user, json).await
            }
            UsersCommand::Sessions { command: SessionsCommand::End { user } } => {
                let mut change = begin(&origin).await?;
                let id = find(&mut change, &user).await?.id;
                let ended = change.end_sessions(&id, None).await?;
                change.commit().await?;
                println!("ended {ended} sessions of {user}");
                Ok(())
            }
        }
    }
}

async fn begin(origin: &Origin) -> Result<Change, CommandError> {
    Ok(origin.registry.change(&Author::command(origin.clock.millis())).await?)
}

/// The user of that email address or id.
async fn find(change: &mut Change, user: &str) -> Result<User, CommandError> {
    if let Ok(id) = UserId::parse(user) {
        return Ok(change.user(&id).await?);
    }
    let found = change.user_by_email(&user.to_ascii_lowercase()).await?;
    found.ok_or_else(|| CommandError::Refused(format!("there is no user {user:?}")))
}

async fn put(origin: &Origin, user: &str, changed: impl FnOnce(User) -> User) -> Result<(), CommandError> {
    let mut change = begin(origin).await?;
    let held = find(&mut change, user).await?;
    change.put_user(&changed(held)).await?;
    Ok(change.commit().await?)
}

async fn create(
    origin: &Origin,
    email: &str,
    name: &str,
    role: Role,
    password_file: Option<PathBuf>,
) -> Result<(), CommandError> {
    let refused = |error: &dyn std::error::Error| CommandError::Refused(error.to_string());
    let email = Email::parse(email).map_err(|error| refused(&error))?;
    let name = Label::parse(name).map_err(|error| refused(&error))?;
    let password_hash = hash_in_turn(new_password(password_file)?).await.map_err(|error| refused(&error))?;
    let now = origin.clock.millis();
    let user = User {
        id: UserId::generate().map_err(|error| refused(&error))?,
        email: email.into(),
        name: name.into(),
        role,
        password_hash,
        is_active: true,
        created_at: now,
        changed_at: now,
        last_login_at: None,
    };
    let mut change = begin(origin).await?;
    change.add_user(&user).await?;
    change.commit().await?;
    println!("made {} ({}), {role}", user.email, user.id);
    Ok(())
}

async fn password(origin: &Origin, user: &str, password_file: Option<PathBuf>) -> Result<(), CommandError> {
    let hash = hash_in_turn(new_password(password_file)?).await;
    let hash = hash.map_err(|error| CommandError::Refused(error.to_string()))?;
    let mut change = begin(origin).await?;
    let id = find(&mut change, user).await?.id;
    change.set_password(&id, &hash, None).await?;
    change.commit().await?;
    println!("set the password of {user}");
    Ok(())
}

async fn list(origin: &Origin, as_json: bool) -> Result<(), CommandError> {
    let users = origin.registry.users().await?;
    if as_json {
        let rows = users.iter().map(|user| {
            json!({
                "id": user.id, "email": user.email, "name": user.name, "role": user.role, "is_active": user.is_active,
                "created_at": user.created_at, "changed_at": user.changed_at, "last_login_at": user.last_login_at,
            })
        });
        print_json(&Value::Array(rows.collect()));
        return Ok(());
    }
    for user in users {
        let state = if user.is_active { "active" } else { "inactive" };
        println!("{}  {:<8} {state:<8} {}  {}", user.id, user.role.as_str(), user.email, user.name);
    }
    Ok(())
}

async fn sessions(origin: &Origin, user: &str, as_json: bool) -> Result<(), CommandError> {
    let id = match UserId::parse(user) {
        Ok(id) => origin.registry.user(&id).await?,
        Err(_) => origin.registry.user_by_email(&user.to_ascii_lowercase()).await?,
    };
    let id = id.ok_or_else(|| CommandError::Refused(format!("there is no user {user:?}")))?.id;
    let sessions = origin.registry.sessions(&id, origin.clock.millis()).await?;
    if as_json {
        let rows = sessions.iter().map(|session| {
            json!({
                "id": session.id, "created_at": session.created_at, "expires_at": session.expires_at,
                "address": session.address, "user_agent": session.user_agent,
            })
        });
        print_json(&Value::Array(rows.collect()));
        return Ok(());
    }
    for session in sessions {
        let from = session.address.as_deref().unwrap_or("-");
        println!("{}  ends {}  from {from}", session.id, session.expires_at / 1000);
    }
    Ok(())
}
