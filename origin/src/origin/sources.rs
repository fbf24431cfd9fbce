//! The credentials of sources: sealed when they are given, opened when the source is.

use serde::{Deserialize, Deserializer};

use super::{OpenError, Origin};
use crate::registry::{Cell, Change, RegistryError, SourceKind, StoredSource};
use crate::sources::s3::credentials::S3Credentials;
use crate::sources::s3::place::S3Place;

/// What is said about a source's credentials.
#[derive(Debug, Clone, Default)]
pub enum CredentialsGiven {
    /// Nothing: those that it has stay.
    #[default]
    Kept,
    /// It has none: the storage is asked unsigned.
    None,
    /// These.
    New(S3Credentials),
}

impl<'de> Deserialize<'de> for CredentialsGiven {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::None, Self::New))
    }
}

impl Origin {
    /// `source` with its credentials, as it is to be put in `change`. What it has already is kept as it is sealed, so that
    /// nothing changes where the same is given again.
    ///
    /// # Errors
    /// Credentials for what is no storage, and kept ones for another bucket or endpoint: who has a right to the one has
    /// none to the other.
    pub async fn with_credentials(
        &self,
        change: &mut Change,
        source: StoredSource,
        given: CredentialsGiven,
    ) -> Result<StoredSource, OpenError> {
        let refused = |reason: &str| Err(RegistryError::Refused(format!("source @{} {reason}", source.name)).into());
        let held = change.sources().await?.into_iter().find(|held| held.name == source.name);
        let held = held.and_then(|held| held.credentials.clone().map(|cell| (held, cell)));
        let credentials = match (given, held) {
            (CredentialsGiven::New(_), _) if source.kind != SourceKind::S3 => {
                return refused("takes no credentials: only sources of kind s3 do");
            }
            (CredentialsGiven::None, _) | (CredentialsGiven::Kept, None) => None,
            (CredentialsGiven::Kept, Some(_)) if source.kind != SourceKind::S3 => None,
            (CredentialsGiven::Kept, Some((held, cell))) => {
                let places = (S3Place::parse(&held.location), S3Place::parse(&source.location));
                match places {
                    (Ok(held), Ok(wanted)) if wanted.shares_credentials_with(&held) => Some(cell),
                    _ => return refused("moves to another bucket or endpoint: give its credentials again, or null"),
                }
            }
            (CredentialsGiven::New(new), Some((_, cell))) if self.open_credentials(&cell)? == new => Some(cell),
            (CredentialsGiven::New(new), _) => {
                let cell = change.next_source_cell(&source.name).await?;
                let json = new.to_json().map_err(|_| OpenError::Content(cell.place().to_string()))?;
                Some(Cell { sealed: self.data.seal(cell.place(), &json)?, ..cell })
            }
        };
        Ok(StoredSource { credentials, ..source })
    }

    /// Opens a source's credentials.
    pub fn open_credentials(&self, cell: &Cell) -> Result<S3Credentials, OpenError> {
        let json = self.data.open(cell.place(), &cell.sealed)?;
        S3Credentials::from_json(&json).map_err(|_| OpenError::Content(cell.place().to_string()))
    }
}
