//! Requests that may be sent twice: the header `Idempotency-Key`, and the answer that a repetition gets.
//!
//! The first request's answer is sealed under the master key and kept in the same change as what the request made, so
//! that of many at once one makes something and all get its answer. Caller, route and key name it; the request's
//! content must be the same. Kept 10 minutes, refused for a day after.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sealpix::encoding::hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Problem;
use super::caller::Caller;
use crate::registry::{Change, Earlier, answer_cell};
use crate::vault::{Vault, VaultError};

/// The header.
pub(super) const HEADER: &str = "Idempotency-Key";

/// Longest key; a UUID has 36 characters.
const MAX_KEY_BYTES: usize = 255;

/// The key of a request, if it brings one.
pub(super) struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
        match (key, values.next()) {
            (Some(key), None) => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::invalid("Idempotency-Key takes one value of 1 to 255 printable ASCII characters")),
        }
    }
}

/// A request, and how its repetitions are known, if it may be sent again.
pub(super) struct Repeatable(Option<Identity>);

struct Identity {
    /// Who asks which route under which key, hashed: the row's name.
    id: String,
    /// What is asked, hashed.
    content: String,
}

impl IdempotencyKey {
    /// This request. `content` is all that decides what it makes.
    pub(super) fn of(self, caller: &Caller, route: &str, content: &impl Serialize) -> Result<Repeatable, Problem> {
        let Some(key) = self.0 else { return Ok(Repeatable(None)) };
        let content = serde_json::to_vec(content).map_err(|error| Problem::internal(&error))?;
        let actor = caller.author().actor;
        let id = hashed(&[b"id", actor.kind().as_bytes(), actor.name().as_bytes(), route.as_bytes(), key.as_bytes()]);
        Ok(Repeatable(Some(Identity { id, content: hashed(&[b"content", &content]) })))
    }
}

/// SHA-256 over parts, each behind its length.
fn hashed(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

impl Repeatable {
    /// What was answered before; a problem where that is not to be had, or the key was another request's.
    pub(super) async fn earlier<T: DeserializeOwned>(
        &self,
        change: &mut Change,
        vault: &Vault,
    ) -> Result<Option<T>, Problem> {
        let Some(identity) = &self.0 else { return Ok(None) };
        let gone = || {
            let detail = "this Idempotency-Key was answered, and its answer is kept no more: use a new key";
            Problem::idempotency("idempotency_key_expired", detail)
        };
        let cell = match change.earlier_answer(&identity.id, &identity.content).await? {
            None => return Ok(None),
            Some(Earlier::Answer(cell)) => cell,
            Some(Earlier::Gone) => return Err(gone()),
            Some(Earlier::OtherRequest) => {
                let detail = "this Idempotency-Key was used for another request";
                return Err(Problem::idempotency("idempotency_key_reused", detail));
            }
        };
        let answer = match vault.open(cell.place(), &cell.sealed) {
            // Answers are not sealed anew when the master key changes: they live ten minutes.
            Err(VaultError::WrongMaster) => return Err(gone()),
            answer => answer?,
        };
        serde_json::from_slice(&answer).map(Some).map_err(|error| Problem::internal(&error))
    }

    /// Keeps this answer for repetitions.
    pub(super) async fn keep(
        &self,
        change: &mut Change,
        vault: &Vault,
        answer: &impl Serialize,
    ) -> Result<(), Problem> {
        let Some(identity) = &self.0 else { return Ok(()) };
        let answer = Zeroizing::new(serde_json::to_vec(answer).map_err(|error| Problem::internal(&error))?);
        let mut cell = answer_cell(&identity.id);
        cell.sealed = vault.seal(cell.place(), &answer)?;
        Ok(change.keep_answer(&identity.content, &cell).await?)
    }
}

/// A secret as it is shown, once.
pub(super) struct Revealed(pub(super) Zeroizing<String>);

impl fmt::Debug for Revealed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("redacted")
    }
}

impl Serialize for Revealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Revealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}
