//! What a signed URL says, and what the gate would answer to it: for the command line and for the admin API.

use sealpix::denial::Denial;
use sealpix::gate;
use sealpix::source::Source;
use sealpix::target::Target;
use serde::Serialize;
use utoipa::ToSchema;

use crate::origin::{OpenError, Origin};

/// Path and query of a URL, as bytes; nothing is parsed or repaired.
#[must_use]
pub fn target_of(url: &str) -> &str {
    let rest = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")).map(|(_, rest)| rest);
    match rest {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    }
}

/// The parts of a signed URL.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = UrlParts)]
pub struct Parts {
    /// The project.
    pub project: String,
    /// The operations, decoded.
    pub operations: String,
    /// The source, decoded.
    pub source: String,
    /// The public key.
    pub key: String,
    /// Its last second, in unix seconds.
    pub expires: Option<u64>,
    /// The signature.
    pub signature: String,
    /// What the signature is over.
    pub string_to_sign: String,
    /// The width that is asked for, of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The URL that a remote source is fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
}

impl Parts {
    /// The parts of a target.
    #[must_use]
    pub fn of(target: &Target<'_>) -> Self {
        let request = target.request();
        Self {
            project: request.project.to_string(),
            operations: request.operations.to_string(),
            source: request.source.to_string(),
            key: request.key.to_string(),
            expires: request.expires,
            signature: target.signature().to_string(),
            string_to_sign: target.string_to_sign(),
            width: target.width(),
            upstream: match &request.source {
                Source::Remote(remote) => Some(remote.url()),
                Source::Named { .. } => None,
            },
        }
    }
}

/// What the gate answers to a target now, by the registry; rate limits are not counted.
pub async fn judge(
    origin: &Origin,
    target: &Target<'_>,
    referer: Option<&str>,
) -> Result<Result<(), Denial>, OpenError> {
    let asked = target.request();
    let (key, project) = origin.registry.key_and_project(asked.key, &asked.project).await?;
    let key = key.map(|key| origin.key_record(&key)).transpose()?;
    let project = project.map(|project| project.value.record());
    let admitted = gate::admit(target, referer, key.as_ref(), project.as_ref(), origin.clock.secs());
    Ok(admitted.map(|_| ()))
}
