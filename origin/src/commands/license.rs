//! `sealpix license`: what counts here, and, for the vendor, keys and licences.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use sealpix::encoding::hex;
use sealpix_origin::clock::{Clock as _, SystemClock, random};
use sealpix_origin::config::Environment;
use sealpix_origin::license::{Feature, License as Payload, SigningKey, instance_limit, issue};
use sealpix_origin::origin::LicenseState;
use sealpix_origin::registry::Author;
use serde_json::json;

use super::flags::read_secret;
use super::{CommandError, open, open_existing, print_json, read_stdin};

/// The setting that holds the licence.
const LICENSE_KEY: &str = "license.key";

const DAY_SECS: u64 = 86_400;

/// Show, activate and remove the licence; issue one, as its vendor.
#[derive(Args)]
pub(crate) struct License {
    #[command(subcommand)]
    command: LicenseCommand,
}

#[derive(Subcommand)]
enum LicenseCommand {
    /// The licence that counts, and the instances that run
    Show {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Verify a licence and keep it, sealed
    Activate {
        /// The file it is in; - reads standard input
        file: PathBuf,
    },
    /// Remove the licence
    Remove,
    /// Issue a licence, signed with SEALPIX_LICENSE_SIGNING_KEY (or _FILE)
    Issue(Issue),
    /// Make the vendor's key pair: the private key goes into a new file, the public key is printed
    Keygen {
        /// The file
        file: PathBuf,
    },
}

/// What it says.
#[derive(Args)]
struct Issue {
    /// Whom it is for
    #[arg(long)]
    holder: String,
    /// Its name; default: a random one
    #[arg(long)]
    id: Option<String>,
    /// How long it counts
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: u64,
    /// Most instances at a time
    #[arg(long, default_value_t = 3)]
    max_instances: u32,
    /// What it opens; repeat for more
    #[arg(long = "feature", value_enum)]
    features: Vec<FeatureNamed>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FeatureNamed {
    /// A brand name of one's own
    #[value(name = "white_label")]
    WhiteLabel,
}

impl License {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        match self.command {
            LicenseCommand::Show { json } => show(json).await,
            LicenseCommand::Activate { file } => activate(&file).await,
            LicenseCommand::Remove => remove().await,
            LicenseCommand::Issue(wanted) => wanted.issue(),
            LicenseCommand::Keygen { file } => keygen(&file),
        }
    }
}

async fn show(as_json: bool) -> Result<(), CommandError> {
    let origin = open_existing().await?;
    let state = origin.license_state().await?;
    let running = origin.registry.instances(origin.clock.millis()).await?;
    let counts = if let LicenseState::Valid(license) = &state { Some(license) } else { None };
    let limit = instance_limit(counts);
    if as_json {
        let running: Vec<_> = running
            .iter()
            .map(|held| json!({ "id": held.id, "host": held.host, "version": held.version, "seen_at": held.seen_at }))
            .collect();
        let shown =
            json!({ "state": state.code(), "license": state.license(), "instance_limit": limit, "instances": running });
        print_json(&shown);
        return Ok(());
    }
    println!("licence     {}", state.code());
    if let Some(license) = state.license() {
        println!("id          {}", license.id);
        println!("holder      {}", license.holder);
        println!("expires     {} (unix seconds)", license.expires_at);
        println!("features    {}", license.features.join(" "));
    }
    println!("instances   {} of {limit}", running.len());
    Ok(())
}

async fn activate(file: &Path) -> Result<(), CommandError> {
    let text = if file == Path::new("-") { read_stdin()? } else { read_secret(file)? };
    let origin = open().await?;
    let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
    origin.set_setting(&mut change, LICENSE_KEY, &text).await?;
    change.commit().await?;
    println!("activated");
    Ok(())
}

async fn remove() -> Result<(), CommandError> {
    let origin = open_existing().await?;
    let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
    if !origin.unset_setting(&mut change, LICENSE_KEY).await? {
        return Err(CommandError::Refused("the registry holds no licence".to_owned()));
    }
    change.commit().await?;
    println!("removed");
    Ok(())
}

impl Issue {
    fn issue(self) -> Result<(), CommandError> {
        let text = Environment::of_process().secret("SEALPIX_LICENSE_SIGNING_KEY")?;
        let missing =
            || CommandError::Refused("set SEALPIX_LICENSE_SIGNING_KEY or SEALPIX_LICENSE_SIGNING_KEY_FILE".into());
        let refused = |error: &dyn std::error::Error| CommandError::Refused(error.to_string());
        let key = SigningKey::parse(&text.ok_or_else(missing)?).map_err(|error| refused(&error))?;
        let bytes: [u8; 8] = random().map_err(|error| refused(&error))?;
        let random_id = || format!("lic_{}", hex(&bytes));
        let now = SystemClock.secs();
        let features = self.features.iter().map(|named| match named {
            FeatureNamed::WhiteLabel => Feature::WhiteLabel.as_str().to_owned(),
        });
        let license = Payload {
            id: self.id.unwrap_or_else(random_id),
            holder: self.holder,
            issued_at: now,
            expires_at: now + self.days * DAY_SECS,
            features: features.collect(),
            max_instances: self.max_instances,
        };
        println!("{}", issue(&key, &license));
        Ok(())
    }
}

fn keygen(path: &Path) -> Result<(), CommandError> {
    let key = SigningKey::generate().map_err(|error| CommandError::Refused(error.to_string()))?;
    let io = |error| CommandError::Io(path.display().to_string(), error);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(format!("{}\n", *key.expose()).as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    println!("{}", key.public());
    Ok(())
}
