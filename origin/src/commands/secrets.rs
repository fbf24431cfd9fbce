//! `sealpix secrets check`: opens every sealed cell and says which do not open.

use clap::{Args, Subcommand};

use super::{CommandError, open_existing};

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
        let origin = open_existing().await?;
        let (count, damaged) = origin.check_cells().await?;
        for error in &damaged {
            println!("{error}");
        }
        println!("{count} sealed secrets, {} of them do not open", damaged.len());
        if damaged.is_empty() { Ok(()) } else { Err(CommandError::Answered) }
    }
}
