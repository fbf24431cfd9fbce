//! Signing by the origin itself: for callers who may use a key without having its secret.

use sealpix::denial::Denial;
use sealpix::gate;
use sealpix::operations::Width;
use sealpix::record::ProjectRecord;
use sealpix::target::{Request, Target, TargetError};

use crate::origin::{OpenError, Origin};
use crate::registry::{Key, Project};

/// Why no URL was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's secret does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The request has no target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The gate would refuse the URL, to every site.
    #[error(transparent)]
    Denied(#[from] Denial),
}

/// The target of `request`, signed with its key; for a list of widths still without its `&w=`. What the gate would
/// refuse at `now_secs` (unix seconds), whoever embeds it, is not signed (SIG-14). The secret is open no longer.
pub fn sign(
    origin: &Origin,
    request: &Request,
    key: &Key,
    project: &Project,
    now_secs: u64,
) -> Result<String, SignError> {
    let key = origin.key_record(key)?;
    let target = request.sign(&key.signing_key)?;
    let asked = match &request.operations.width {
        Some(width @ Width::List(_)) => format!("{target}&w={}", width.largest()),
        _ => target.clone(),
    };
    // Who will embed it is not known here.
    let project = ProjectRecord { referers: Vec::new(), ..project.record() };
    gate::admit(&Target::parse(&asked)?, None, Some(&key), Some(&project), now_secs)?;
    Ok(target)
}
