//! `sealpix setup`: the first project, its key, the source `@gallery` and the edge link, in the data folder.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sealpix::key::{PublicKey, SecretKey};
use sealpix::link::LinkSecret;
use sealpix::record::{Caching, Environment};
use sealpix::target::Slug;
use sealpix_origin::clock::random;
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::{Cell, EdgeLink, KeyDeclared, ProjectDeclared, SourceDeclared, State};
use sealpix_origin::sources::configured::check_root;
use zeroize::Zeroizing;

use super::{CommandError, open, print_json};

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
        let origin = open().await?;
        if !origin.registry.projects().await?.is_empty() {
            return Err(CommandError::Refused("the registry is set up already; use sealpix registry apply".to_owned()));
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
        self.store(&origin, &state, &link).await?;
        if let Some(path) = &self.dev_vars {
            write_private(path, &format!("SEALPIX_EDGE_LINK={}\n", *link.reveal()))?;
        }
        self.print(&origin, &gallery, public_key, &secret_key, &link);
        Ok(())
    }

    fn state(
        &self,
        gallery: &std::path::Path,
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
            state: sealpix::record::KeyState::Active,
            not_after: None,
            limits: sealpix::quota::Limits::default(),
            policy: sealpix::record::Policy::default(),
        };
        let project = ProjectDeclared {
            slug,
            environment: match self.environment {
                Env::Production => Environment::Production,
                Env::Staging => Environment::Staging,
                Env::Development => Environment::Development,
            },
            referers: self.referers.clone(),
            require_referer: false,
            sources: self.sources.clone(),
            grants: vec![name.clone()],
            presets: std::collections::BTreeMap::new(),
            caching: Caching::default(),
            keys: vec![key],
        };
        let source = SourceDeclared::File { name, root: gallery.to_path_buf() };
        Ok(State { projects: vec![project], sources: vec![source] })
    }

    async fn store(&self, origin: &Origin, state: &State, link: &LinkSecret) -> Result<(), CommandError> {
        let now = origin.clock.millis();
        let row = link_row(origin, link, now)?;
        super::registry::apply(origin, state, std::path::Path::new(".")).await?;
        origin.registry.add_edge_link(row).await?;
        Ok(())
    }

    fn print(
        &self,
        origin: &Origin,
        gallery: &std::path::Path,
        public_key: PublicKey,
        secret_key: &SecretKey,
        link: &LinkSecret,
    ) {
        let data_dir = origin.config.data_dir.display().to_string();
        if self.json {
            print_json(&serde_json::json!({
                "project": self.project,
                "public_key": public_key,
                "secret_key": *secret_key.reveal(),
                "edge_link": *link.reveal(),
                "gallery": gallery,
                "data_dir": data_dir,
            }));
            return;
        }
        println!("project     {}", self.project);
        println!("public key  {public_key}");
        println!("secret key  {}   (shown once: keep it in your backend)", *secret_key.reveal());
        println!("edge link   {}   (the Worker's SEALPIX_EDGE_LINK)", *link.reveal());
        println!("@gallery    {}", gallery.display());
        println!("data        {data_dir}");
    }
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

/// A new file that only its owner can read; an older one of that name is replaced.
fn write_private(path: &std::path::Path, text: &str) -> Result<(), CommandError> {
    let io = |error| CommandError::Io(path.display().to_string(), error);
    let part = path.with_extension("part");
    let _ = std::fs::remove_file(&part);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&part, path).map_err(io)
}
