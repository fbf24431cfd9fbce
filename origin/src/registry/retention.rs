//! What is forgotten after a time: the rows of counts and logs that have nothing to note.

use super::database::values;
use super::{Change, RegistryError};

impl Change {
    /// Removes counts of requests before a minute (unix minutes). How many rows there were.
    pub async fn prune_usage(&mut self, before_minute: u64) -> Result<u64, RegistryError> {
        self.execute("DELETE FROM usage WHERE minute < $1", values![before_minute]).await
    }

    /// Forgets reports of the edge that came before a time (unix milliseconds): one that is sent again after that would
    /// be counted again. How many there were.
    pub async fn prune_usage_reports(&mut self, before: u64) -> Result<u64, RegistryError> {
        self.execute("DELETE FROM usage_reports WHERE received_at < $1", values![before]).await
    }

    /// Removes single requests before a time (unix milliseconds). How many there were.
    pub async fn prune_request_log(&mut self, before: u64) -> Result<u64, RegistryError> {
        self.execute("DELETE FROM request_log WHERE at < $1", values![before]).await
    }
}
