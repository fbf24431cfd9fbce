//! `sealpix`: the origin and its commands. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

mod commands;

use commands::{
    CommandError, audit, config, doctor, edge, inspect, keys, license, openapi, projects, purge, registry, secrets,
    serve, settings, setup, sign, users,
};

/// Signed image URLs: the origin and its commands.
#[derive(Parser)]
#[command(name = "sealpix", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve signed image URLs
    Serve(serve::Serve),
    /// Make the first project, its key, the source @gallery and the edge link
    Setup(setup::Setup),
    /// Sign an image URL
    Sign(sign::Sign),
    /// Explain a signed URL: its parts, and which check it fails and why
    Inspect(inspect::Inspect),
    /// List, create, revoke and rotate keys
    Keys(keys::Keys),
    /// Make, list, change and remove users
    Users(users::Users),
    /// Check and rotate the registry's sealed secrets
    Secrets(secrets::Secrets),
    /// List and show projects
    Projects(projects::Projects),
    /// Empty the caches of a project, or of some of its sources
    Purge(purge::Purge),
    /// List, read and change settings
    Settings(settings::Settings),
    /// Show, activate and remove the licence; issue one, as its vendor
    License(license::License),
    /// Show the configuration, and where each value came from
    Config(config::Config),
    /// Read, export and verify the audit log
    Audit(audit::Audit),
    /// Apply state as code; back up, restore and copy the registry
    Registry(registry::Registry),
    /// Print the admin API's OpenAPI document
    Openapi(openapi::Openapi),
    /// Check configuration, database, secrets, edge link, folders and clock
    Doctor(doctor::Doctor),
    /// Check the deployed Worker
    Edge(edge::Edge),
}

/// How long the process waits at its end for what was left behind, such as a read from a disk that stalls. The disk cache's
/// library may wait for itself there for ever, where it is still emptying a file.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let logged = log(matches!(cli.command, Command::Serve(_)));
    let done = logged.and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CommandError::Refused(format!("threads: {error}")))?;
        let done = runtime.block_on(run(cli.command));
        runtime.shutdown_timeout(LEFT_BEHIND);
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Answered) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sealpix: {error}");
            if matches!(error, CommandError::Usage(_)) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Serve(command) => command.run().await,
        Command::Setup(command) => command.run().await,
        Command::Sign(command) => command.run(),
        Command::Inspect(command) => command.run().await,
        Command::Keys(command) => command.run().await,
        Command::Users(command) => command.run().await,
        Command::Secrets(command) => command.run().await,
        Command::Projects(command) => command.run().await,
        Command::Purge(command) => command.run().await,
        Command::Settings(command) => command.run().await,
        Command::License(command) => command.run().await,
        Command::Config(command) => command.run().await,
        Command::Audit(command) => command.run().await,
        Command::Registry(command) => command.run().await,
        Command::Openapi(command) => command.run(),
        Command::Doctor(command) => command.run().await,
        Command::Edge(command) => command.run().await,
    }
}

/// The server logs JSON lines; commands say what went wrong and little else. Both on standard error.
fn log(serving: bool) -> Result<(), CommandError> {
    // The migrations' own lines name files of the machine that built this; what mp4parse says of damaged AVIFs, anybody's
    // file can make it say; so with what usvg and resvg say of SVGs.
    let default = if serving {
        "info,refinery_core=warn,mp4parse=off,usvg=off,resvg=off"
    } else {
        "error,mp4parse=off,usvg=off,resvg=off"
    };
    let filter = match std::env::var("SEALPIX_LOG") {
        Ok(text) => {
            EnvFilter::try_new(&text).map_err(|error| CommandError::Refused(format!("SEALPIX_LOG: {error}")))?
        }
        Err(_) => EnvFilter::new(default),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if serving {
        // The request's span once, and not once more in a list of spans.
        lines.json().flatten_event(true).with_span_list(false).with_target(false).init();
    } else {
        lines.without_time().with_target(false).init();
    }
    Ok(())
}
