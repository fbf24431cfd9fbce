//! The setup token of a start.

use crate::access::token::SetupToken;
use crate::clock::NoEntropy;
use crate::origin::Origin;
use crate::registry::{Author, RegistryError};

/// Why there is no setup token though there is no user.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// A new setup token, to be shown to whoever started the origin; none where there is a user. Tokens of earlier starts,
/// and of other instances, are void from now on.
pub async fn offer_setup(origin: &Origin) -> Result<Option<SetupToken>, OfferError> {
    if !origin.registry.needs_setup().await? {
        return Ok(None);
    }
    let token = SetupToken::generate()?;
    let mut change = origin.registry.change(&Author::system(origin.clock.millis())).await?;
    let is_offered = change.offer_setup(&token.fingerprint()).await?;
    change.commit().await?;
    Ok(is_offered.then_some(token))
}
