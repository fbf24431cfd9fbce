//! The first run: while there is no user, whoever holds the setup token may become the first admin.

use super::database::values;
use super::{Change, Query, Registry, RegistryError, settings};

/// The setting with the setup token's fingerprint; gone once there is a user.
const TOKEN: &str = "setup.token_hash";

async fn needs_setup(db: &mut impl Query) -> Result<bool, RegistryError> {
    Ok(db.row("SELECT 1 FROM users LIMIT 1", Vec::new()).await?.is_none())
}

impl Registry {
    /// Whether there is no user yet.
    pub async fn needs_setup(&self) -> Result<bool, RegistryError> {
        needs_setup(&mut self.reading()).await
    }

    /// The fingerprint of the setup token that was offered last, until there is a user.
    pub async fn setup_token(&self) -> Result<Option<String>, RegistryError> {
        settings::value(&mut self.reading(), TOKEN).await
    }
}

impl Change {
    /// Whether there is no user yet, as it stands in this change.
    pub async fn needs_setup(&mut self) -> Result<bool, RegistryError> {
        needs_setup(self).await
    }

    /// The fingerprint of the setup token, as it stands in this change.
    pub async fn setup_token(&mut self) -> Result<Option<String>, RegistryError> {
        settings::value(self, TOKEN).await
    }

    /// Offers a new setup token by its fingerprint; the one before it is void. Whether there is still no user, without
    /// which nothing is offered.
    pub async fn offer_setup(&mut self, fingerprint: &str) -> Result<bool, RegistryError> {
        if !self.needs_setup().await? {
            return Ok(false);
        }
        settings::put_value(self, TOKEN, fingerprint).await?;
        self.note_created("setup.offer", "setup token");
        Ok(true)
    }

    /// The setup token is void from now on.
    pub(super) async fn end_setup(&mut self) -> Result<(), RegistryError> {
        self.execute("DELETE FROM settings WHERE name = $1", values![TOKEN]).await.map(|_| ())
    }
}
