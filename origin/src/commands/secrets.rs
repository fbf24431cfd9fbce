//! `sealpix secrets`: check every sealed cell; rotate secrets; retire the edge link that was replaced.

use clap::{Args, Subcommand, ValueEnum};
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::Author;
use serde_json::json;

use super::setup::{link_row, new_link};
use super::{CommandError, open_existing, print_json, rotate as vault};

/// Check and rotate the registry's sealed secrets.
#[derive(Args)]
pub(crate) struct Secrets {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Subcommand)]
enum SecretsCommand {
    /// Open every sealed secret, change nothing
    Check {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace a secret. A new edge link is shown once; a new master secret comes from MASTER_SECRET_NEW (or _FILE), a
    /// new JWT secret is generated, or comes from JWT_SECRET_NEW (or _FILE)
    Rotate {
        /// Which
        secret: Rotated,
        /// The old one is in wrong hands: replace at once what could be read or forged with it
        #[arg(long)]
        compromised: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse the previous secret from now on
    Retire {
        /// Which
        secret: Retired,
        /// Although records wait for the edge: what it holds of them it can then no longer read
        #[arg(long)]
        force: bool,
    },
}

/// Secrets that rotate.
#[derive(Clone, Copy, ValueEnum)]
enum Rotated {
    /// The master secret, which the registry's secrets are sealed under
    Master,
    /// The JWT secret, which sessions are signed with; every session ends
    Jwt,
    /// The secret shared with the Worker
    EdgeLink,
}

/// Secrets that have a previous one.
#[derive(Clone, Copy, ValueEnum)]
enum Retired {
    /// The secret shared with the Worker
    EdgeLink,
}

impl Secrets {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let origin = open_existing().await?;
        match self.command {
            SecretsCommand::Check { json } => check(&origin, json).await,
            SecretsCommand::Rotate { secret, compromised, json } => match secret {
                Rotated::Master => vault::master(&origin, compromised, json).await,
                Rotated::Jwt => vault::jwt(&origin, compromised, json).await,
                Rotated::EdgeLink => rotate(&origin, compromised, json).await,
            },
            SecretsCommand::Retire { secret: Retired::EdgeLink, force } => retire(&origin, force).await,
        }
    }
}

async fn check(origin: &Origin, as_json: bool) -> Result<(), CommandError> {
    let (count, damaged) = origin.check_cells().await?;
    for error in damaged.iter().filter(|_| !as_json) {
        println!("{error}");
    }
    if as_json {
        let damaged: Vec<_> = damaged.iter().map(ToString::to_string).collect();
        print_json(&json!({ "sealed": count, "damaged": damaged }));
    } else {
        println!("{count} sealed secrets, {} of them do not open", damaged.len());
    }
    if damaged.is_empty() { Ok(()) } else { Err(CommandError::Answered) }
}

async fn rotate(origin: &Origin, compromised: bool, as_json: bool) -> Result<(), CommandError> {
    let links = origin.registry.edge_links().await?;
    let current = links.iter().find(|link| link.is_current);
    let current = current.ok_or_else(|| CommandError::Refused("there is no edge link to rotate".to_owned()))?;
    let replaced = links.iter().any(|link| link.created_at < current.created_at);
    if replaced && !compromised {
        let hint = "the last rotation is not over: run sealpix secrets retire edge-link first";
        return Err(CommandError::Refused(hint.to_owned()));
    }
    let previous = if compromised { None } else { Some(origin.link_secret(current)?.reveal()) };
    let new = new_link()?;
    let now = origin.clock.millis();
    let mut change = origin.change(&Author::command(now)).await?;
    change.rotate_edge_link(&link_row(origin, &new, now)?, compromised).await?;
    change.commit().await?;
    if as_json {
        let previous = previous.as_ref().map(|secret| secret.as_str());
        print_json(&json!({ "edge_link": *new.reveal(), "previous": previous }));
        return Ok(());
    }
    println!("Give the Worker its secrets, in this order (wrangler secret put NAME; shown once):");
    match previous {
        Some(previous) => println!("SEALPIX_EDGE_LINK_PREVIOUS  {}", *previous),
        None => println!("SEALPIX_EDGE_LINK_PREVIOUS  (delete it, if it is set)"),
    }
    println!("SEALPIX_EDGE_LINK           {}", *new.reveal());
    if !compromised {
        println!("Then run sealpix secrets retire edge-link, and delete SEALPIX_EDGE_LINK_PREVIOUS.");
    }
    Ok(())
}

async fn retire(origin: &Origin, force: bool) -> Result<(), CommandError> {
    let refused = |message: String| Err(CommandError::Refused(message));
    let links = origin.registry.edge_links().await?;
    let current = links.iter().find(|link| link.is_current).map_or(0, |link| link.created_at);
    if links.iter().any(|link| link.created_at > current) {
        return refused("the edge has not shown yet that it has the new edge link".to_owned());
    }
    if links.len() < 2 {
        return refused("there is no previous edge link".to_owned());
    }
    let waiting = origin.registry.outbox_len().await?;
    if waiting > 0 && !force {
        return refused(format!(
            "{waiting} records wait for the edge: try again when they are there, or --force where nothing is pushed"
        ));
    }
    let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
    change.retire_edge_links().await?;
    change.commit().await?;
    println!("the previous edge link is refused from now on; delete SEALPIX_EDGE_LINK_PREVIOUS");
    Ok(())
}
