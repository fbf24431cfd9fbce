//! `sealpix keys`: list, create, revoke, rotate.

use clap::{Args, Subcommand};
use sealpix::key::{PublicKey, SecretKey};
use sealpix::record::KeyState;
use sealpix::target::Slug;
use sealpix_origin::keys::{Draft, Grace, NotAGrace};
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::{Author, KeyDefaults};
use serde_json::json;
use zeroize::Zeroizing;

use super::out::once;
use super::{CommandError, open_existing, print_json};

/// List, create, revoke and rotate keys.
#[derive(Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// List keys; never their secrets
    List {
        /// Of this project
        #[arg(long)]
        project: Option<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a key; its secret is shown once
    Create {
        /// The project it signs for
        #[arg(long)]
        project: String,
        /// What to call it
        #[arg(long, default_value = "")]
        name: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key for good
    Revoke {
        /// The public key, pk_…
        key: String,
    },
    /// Replace a key by a new one with the same limits and policy; its secret is shown once
    Rotate {
        /// The public key, pk_…
        key: String,
        /// How long the old key still verifies: 0, 15m, 1h, 6h or 24h
        #[arg(long, default_value = "0", value_parser = ["0", "15m", "1h", "6h", "24h"])]
        grace: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Keys {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let origin = open_existing().await?;
        match self.command {
            KeysCommand::List { project, json } => list(&origin, project.as_deref(), json).await,
            KeysCommand::Create { project, name, json } => create(&origin, &project, name, json).await,
            KeysCommand::Revoke { key } => {
                let key = PublicKey::parse(&key)?;
                let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
                change.revoke_key(key).await?;
                change.commit().await?;
                println!("revoked {key}");
                Ok(())
            }
            KeysCommand::Rotate { key, grace, json } => rotate(&origin, &key, &grace, json).await,
        }
    }
}

async fn list(origin: &Origin, project: Option<&str>, as_json: bool) -> Result<(), CommandError> {
    let project = project.map(slug).transpose()?;
    let keys = origin.registry.keys(project.as_ref()).await?;
    if as_json {
        let rows = keys.iter().map(|key| {
            json!({
                "public_key": key.public_key, "project": key.project, "name": key.name, "state": key.state,
                "not_after": key.not_after, "limits": key.limits, "policy": key.policy, "created_at": key.created_at,
            })
        });
        print_json(&rows.collect());
        return Ok(());
    }
    for key in keys {
        let state = match key.state {
            KeyState::Active => "active",
            KeyState::Revoked => "revoked",
        };
        let ends = key.not_after.map_or_else(|| "-".to_owned(), |end| end.to_string());
        println!("{}  {:<20} {state:<8} ends {ends:<11} {}", key.public_key, key.project.to_string(), key.name);
    }
    Ok(())
}

async fn create(origin: &Origin, project: &str, name: String, as_json: bool) -> Result<(), CommandError> {
    let project = slug(project)?;
    let defaults = origin.registry.project(&project).await?.map(|project| project.value.key_defaults);
    let KeyDefaults { limits, policy } = defaults.unwrap_or_default();
    let draft = Draft { project, name, not_after: None, limits, policy };
    let (key, secret_key) = draft.mint(&origin.vault)?;
    let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
    change.add_key(&key).await?;
    change.commit().await?;
    print_pair(key.public_key, &secret_key, as_json)
}

async fn rotate(origin: &Origin, old: &str, grace: &str, as_json: bool) -> Result<(), CommandError> {
    let old = PublicKey::parse(old)?;
    let grace: Grace = grace.parse().map_err(|error: NotAGrace| CommandError::Refused(error.to_string()))?;
    let held = origin.registry.key(old).await?;
    let held = held.ok_or_else(|| CommandError::Refused(format!("there is no key {old}")))?;
    let (new, secret_key) = Draft::replacing(&held).mint(&origin.vault)?;
    let now = origin.clock.millis();
    let mut change = origin.change(&Author::command(now)).await?;
    change.rotate_key(old, grace.last_second(now / 1000), &new).await?;
    change.commit().await?;
    print_pair(new.public_key, &secret_key, as_json)
}

fn slug(text: &str) -> Result<Slug, CommandError> {
    Slug::new(text).ok_or_else(|| CommandError::Refused(format!("there is no project {text:?}")))
}

fn print_pair(public_key: PublicKey, secret_key: &SecretKey, as_json: bool) -> Result<(), CommandError> {
    let secret_key = secret_key.reveal();
    let text = Zeroizing::new(if as_json {
        format!("{:#}\n", json!({ "public_key": public_key, "secret_key": *secret_key }))
    } else {
        format!("public key  {public_key}\nsecret key  {}   (shown once)\n", *secret_key)
    });
    once(&text, &format!("key {public_key} was made, but its secret could not be shown; rotate it without grace"))
}
