//! `sealpix secrets check`: opens every sealed cell and says which do not open.

use clap::{Args, Subcommand};

use super::{CommandError, open};

/// Check the registry's sealed secrets.
#[derive(Args)]
pub(crate) struct Secrets {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Subcommand)]
enum SecretsCommand {
    /// Open every sealed secret, change nothing
    Check,
}

impl Secrets {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let SecretsCommand::Check = self.command;
        let origin = open().await?;
        let cells = origin.registry.cells().await?;
        let mut damaged = 0;
        for cell in &cells {
            if let Err(error) = origin.vault.open(cell.place(), &cell.sealed) {
                println!("{}: {error}", cell.place());
                damaged += 1;
            }
        }
        println!("{} sealed secrets, {damaged} of them do not open", cells.len());
        if damaged == 0 { Ok(()) } else { Err(CommandError::Answered) }
    }
}
