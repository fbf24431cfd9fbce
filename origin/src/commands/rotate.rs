//! `sealpix secrets rotate master` and `rotate jwt`: the vault's own secrets.

use sealpix_origin::config::Environment;
use sealpix_origin::origin::{NextJwt, Origin, Rotation};
use sealpix_origin::registry::Author;
use sealpix_origin::vault::{JwtSecret, MIN_JWT_SECRET_BYTES};
use serde_json::json;

use super::{CommandError, print_json};

/// A new master secret, from `MASTER_SECRET_NEW` or its file.
pub(crate) async fn master(origin: &Origin, compromised: bool, as_json: bool) -> Result<(), CommandError> {
    let new = Environment::of_process().secret("MASTER_SECRET_NEW")?;
    let missing = "set MASTER_SECRET_NEW or MASTER_SECRET_NEW_FILE to the new master secret, at least 32 characters";
    let new = new.ok_or_else(|| CommandError::Refused(missing.to_owned()))?;
    let author = Author::command(origin.clock.millis());
    let done = origin.rotate_master(&new, compromised, &author).await?;
    if as_json {
        return told(done);
    }
    if done.cells == 0 {
        println!("nothing to do: everything is sealed under this master secret already");
        return Ok(());
    }
    println!("{} secrets are sealed under the new master secret", done.cells);
    println!("From now on start with it as MASTER_SECRET; the old one opens nothing but old backups.");
    if compromised {
        println!(
            "{} sessions were ended. With the old one and a copy of the registry, these could be read:",
            done.sessions
        );
        println!("  the edge link        sealpix secrets rotate edge-link --compromised");
        println!("  every secret key     sealpix keys rotate pk_…, each");
    }
    Ok(())
}

/// A new JWT secret: generated, or the one of `JWT_SECRET_NEW`, which is configured from then on.
pub(crate) async fn jwt(origin: &Origin, compromised: bool, as_json: bool) -> Result<(), CommandError> {
    let new = Environment::of_process().secret("JWT_SECRET_NEW")?;
    let short = |_| CommandError::Refused(format!("JWT_SECRET_NEW: takes at least {MIN_JWT_SECRET_BYTES} bytes"));
    let new = new.map(|text| JwtSecret::parse(text).map_err(short)).transpose()?;
    let next = match (new, origin.config.jwt_secret.is_some()) {
        (None, false) => NextJwt::Generated,
        (Some(secret), false) => NextJwt::Configured(secret),
        // What can be replaced here beside the configuration is the data key.
        (None, true) if compromised => NextJwt::Same,
        (_, true) => {
            let message = "JWT_SECRET is configured: set the new one as JWT_SECRET and the old one as \
                           JWT_SECRET_PREVIOUS, and start; the data key is then re-wrapped";
            return Err(CommandError::Refused(message.to_owned()));
        }
    };
    let configured = matches!(next, NextJwt::Configured(_));
    let done = origin.rotate_jwt(next, compromised, &Author::command(origin.clock.millis())).await?;
    if as_json {
        return told(done);
    }
    println!("{} secrets are sealed anew, and {} sessions were ended", done.cells, done.sessions);
    if configured {
        println!("From now on start with the new one as JWT_SECRET.");
    }
    Ok(())
}

fn told(done: Rotation) -> Result<(), CommandError> {
    print_json(&json!({ "rotated": done.cells > 0, "cells": done.cells, "sessions_ended": done.sessions }));
    Ok(())
}
