//! `sealpix setup`: the first project, its key, the source `@gallery` and the edge link, in the data folder.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sealpix::key::{PublicKey, SecretKey};
use sealpix::link::LinkSecret;
use sealpix::record::{self, Caching};
use sealpix::target::Slug;
use sealpix_origin::clock::random;
use sealpix_origin::config::{Config, Environment};
use sealpix_origin::origin::{Origin, create_private, lock};
use sealpix_origin::registry::{
    Author, Cell, EdgeLink, KeyDeclared, KeyDefaults, ProjectDeclared, SourceDeclared, State,
};
use sealpix_origin::sources::configured::check_root;
use zeroize::Zeroizing;

use super::{CommandError, out};

#[derive(Clone, Copy, ValueEnum)]
enum Env {
    Production,
    Staging,
    Development,
}

/// Make the first project, its key, the source @gallery and the edge link.
#[derive(Args)]
pub(crate) struct Setup {
    /// The project's name in URLs
    #[arg(long, default_value = "my-app")]
    project: String,
    /// What the project is for
    #[arg(long, value_enum, default_value = "production")]
    environment: Env,
    /// The folder behind @gallery; default: gallery in the data folder
    #[arg(long)]
    gallery: Option<PathBuf>,
    /// A site that may embed; repeat for more, leave out for all
    #[arg(long = "referer", value_name = "RULE")]
    referers: Vec<String>,
    /// A host that may be fetched from; repeat for more
    #[arg(long = "source", value_name = "RULE")]
    sources: Vec<String>,
    /// Write the Worker's secrets into this file, readable by you alone
    #[arg(long, value_name = "FILE")]
    dev_vars: Option<PathBuf>,
    /// Print what was made as JSON
    #[arg(long)]
    json: bool,
}

impl Setup {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let config = Config::read(&Environment::of_process())?;
        // One set-up at a time in a data folder: the lock is held until the process ends.
        let io = |error| CommandError::Io(config.data_dir.display().to_string(), error);
        create_private(&config.data_dir).map_err(io)?;
        let alone = lock(&config.data_dir.join("setup.lock")).map_err(io)?;
        let origin = Origin::open(config).await?;
        if !origin.registry.projects().await?.is_empty() {
            return Err(set_up_already());
        }
        let gallery = match &self.gallery {
            Some(gallery) => gallery.clone(),
            None => {
                let folder = origin.config.gallery();
                std::fs::create_dir_all(&folder)
                    .map_err(|error| CommandError::Io(folder.display().to_string(), error))?;
                folder
            }
        };
        check_root(&origin.config, &gallery)?;
        let entropy = |error: sealpix_origin::clock::NoEntropy| CommandError::Refused(error.to_string());
        let public_key = PublicKey::from_bytes(random().map_err(entropy)?);
        let secret_key = SecretKey::from_bytes(random().map_err(entropy)?)?;
        let link = new_link()?;

        let state = self.state(&gallery, public_key, secret_key.reveal())?;
        // What can fail is done before the registry changes: a secret that is stored is also told.
        let dev_vars = self.dev_vars.as_deref().map(|path| DevVars::write(path, &link)).transpose()?;
        self.store(&origin, &state, &link).await?;
        if let Some(dev_vars) = dev_vars {
            dev_vars.publish()?;
        }
        drop(alone);
        let told = self.told(&origin, &gallery, public_key, &secret_key, &link);
        out::once(&told, "set up, but the secret key could not be shown; make another: sealpix keys create")
    }

    fn state(
        &self,
        gallery: &Path,
        public_key: PublicKey,
        secret_key: Zeroizing<String>,
    ) -> Result<State, CommandError> {
        let slug = Slug::new(&self.project).ok_or_else(|| {
            CommandError::Refused("--project takes 3 to 50 of a-z 0-9 -, no reserved word".to_owned())
        })?;
        let name = sealpix::operations::Name::new("gallery").ok_or(CommandError::Answered)?;
        let key = KeyDeclared {
            public_key,
            secret_key,
            name: "first".to_owned(),
            state: record::KeyState::Active,
            not_after: None,
            limits: sealpix::quota::Limits::default(),
            policy: record::Policy::default(),
        };
        let project = ProjectDeclared {
            slug,
            environment: match self.environment {
                Env::Production => record::Environment::Production,
                Env::Staging => record::Environment::Staging,
                Env::Development => record::Environment::Development,
            },
            referers: self.referers.clone(),
            require_referer: false,
            sources: self.sources.clone(),
            grants: vec![name.clone()],
            presets: std::collections::BTreeMap::new(),
            watermarks: std::collections::BTreeMap::new(),
            caching: Caching::default(),
            fallback: None,
            key_defaults: KeyDefaults::default(),
            keys: vec![key],
        };
        let source = SourceDeclared::File { name, root: gallery.to_path_buf() };
        Ok(State { projects: vec![project], sources: vec![source] })
    }

    async fn store(&self, origin: &Origin, state: &State, link: &LinkSecret) -> Result<(), CommandError> {
        let now = origin.clock.millis();
        let mut change = origin.change(&Author::command(now)).await?;
        if change.has_projects().await? {
            return Err(set_up_already());
        }
        super::registry::apply(origin, &mut change, state, Path::new(".")).await?;
        change.add_edge_link(&link_row(origin, link, now)?).await?;
        Ok(change.commit().await?)
    }

    fn told(
        &self,
        origin: &Origin,
        gallery: &Path,
        public_key: PublicKey,
        secret_key: &SecretKey,
        link: &LinkSecret,
    ) -> Zeroizing<String> {
        let data_dir = origin.config.data_dir.display().to_string();
        let (secret_key, link) = (secret_key.reveal(), link.reveal());
        if self.json {
            let made = serde_json::json!({
                "project": self.project,
                "public_key": public_key,
                "secret_key": *secret_key,
                "edge_link": *link,
                "gallery": gallery,
                "data_dir": data_dir,
            });
            return Zeroizing::new(format!("{made:#}\n"));
        }
        Zeroizing::new(format!(
            "project     {}\n\
             public key  {public_key}\n\
             secret key  {}   (shown once: keep it in your backend)\n\
             edge link   {}   (the Worker's SEALPIX_EDGE_LINK)\n\
             @gallery    {}\n\
             data        {data_dir}\n",
            self.project,
            *secret_key,
            *link,
            gallery.display()
        ))
    }
}

fn set_up_already() -> CommandError {
    CommandError::Refused("the registry is set up already; use sealpix registry apply".to_owned())
}

/// A new edge link secret.
pub(crate) fn new_link() -> Result<LinkSecret, CommandError> {
    let refused = |error: &dyn std::error::Error| CommandError::Refused(error.to_string());
    let (id, bytes) = (random().map_err(|error| refused(&error))?, random().map_err(|error| refused(&error))?);
    LinkSecret::from_bytes(id, bytes).map_err(|error| refused(&error))
}

/// The row of an edge link, its secret sealed.
pub(crate) fn link_row(origin: &Origin, link: &LinkSecret, now: u64) -> Result<EdgeLink, CommandError> {
    let mut cell = Cell {
        table: "edge_links",
        row: link.keys().id().to_string(),
        column: "secret_cell",
        version: 1,
        sealed: String::new(),
    };
    cell.sealed = origin.vault.seal(cell.place(), link.reveal().as_bytes())?;
    Ok(EdgeLink { id: cell.row.clone(), secret: cell, is_current: true, created_at: now })
}

/// The Worker's secrets, written beside their place and moved there when everything else has been done.
struct DevVars<'a> {
    path: &'a Path,
    part: PathBuf,
}

impl<'a> DevVars<'a> {
    fn write(path: &'a Path, link: &LinkSecret) -> Result<Self, CommandError> {
        let io = |error| CommandError::Io(path.display().to_string(), error);
        // Lines of other variables stay.
        let held = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io(error)),
        };
        let others = held.lines().filter(|line| !line.starts_with("SEALPIX_EDGE_LINK="));
        let mut text = Zeroizing::new(others.map(|line| format!("{line}\n")).collect::<String>());
        text.push_str(&format!("SEALPIX_EDGE_LINK={}\n", *link.reveal()));
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{}", std::process::id()));
        let part = PathBuf::from(part);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&part).map_err(io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        Ok(Self { path, part })
    }

    fn publish(self) -> Result<(), CommandError> {
        std::fs::rename(&self.part, self.path).map_err(|error| CommandError::Io(self.path.display().to_string(), error))
    }
}

impl Drop for DevVars<'_> {
    /// Removes what was not published; once it was, there is nothing to remove.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.part);
    }
}
