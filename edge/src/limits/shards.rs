//! The shards of the KV counter: keys without a value, whose counts are their metadata, so that one list reads them all.

use crate::clock;
use crate::counters::StoreError;
use crate::counters::kv::{Shard, ShardStore};
use crate::kv::{Kv, KvError};

/// How long KV may take, in milliseconds, before it counts as one that fails. Nobody waits for it.
const STORE_MILLIS: u64 = 5_000;

impl From<KvError> for StoreError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Busy => Self::Busy,
            KvError::Failed => Self::Failed,
        }
    }
}

impl ShardStore for Kv {
    async fn put(&self, name: &str, shard: Shard, expires_at: u64) -> Result<(), StoreError> {
        let put = Self::put(self, name, "", shard.text().into(), expires_at);
        Ok(clock::within(STORE_MILLIS, put).await.unwrap_or(Err(KvError::Failed))?)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Shard)>, StoreError> {
        let found = clock::within(STORE_MILLIS, Self::list(self, prefix)).await.unwrap_or(Err(KvError::Failed))?;
        let read = |(name, metadata): (String, wasm_bindgen::JsValue)| {
            Shard::read(&metadata.as_string()?).map(|shard| (name, shard))
        };
        Ok(found.into_iter().filter_map(read).collect())
    }
}
