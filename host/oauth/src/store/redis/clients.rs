//! The list of clients in Redis.

use super::{RedisStore, TIMEOUT};
use crate::{
    store::{
        StoreError,
        clients::{self, ListedClient, MAX_LISTED},
    },
    types::ClientKey,
};

impl RedisStore {
    /// Lists a client that a person has signed in with.
    pub(super) async fn note(&self, client: ListedClient) -> Result<(), StoreError> {
        let text = serde_json::to_string(&client)
            .map_err(|_| StoreError("a client cannot be written".to_owned()))?;
        let seconds = client.last_sign_in.unwrap_or_default();
        let script = &self.scripts.note_client;
        let call = script
            .key(self.key("clients"))
            .key(self.key("clients:used"));
        self.run(call.arg(&client.id).arg(text).arg(seconds).arg(MAX_LISTED))
            .await
    }

    /// All clients that are listed or blocked.
    pub(crate) async fn clients(&self) -> Result<Vec<ListedClient>, StoreError> {
        let listed: Vec<String> = self
            .run(self.scripts.clients.key(self.key("clients")).arg(""))
            .await?;
        // Whatever else somebody wrote there is no client.
        let listed = listed
            .iter()
            .filter_map(|text| serde_json::from_str(text).ok());
        let mut all: Vec<ListedClient> = listed.collect();
        let (blocked, _) = self.blocked_since().await?;
        for (key, since) in blocked {
            clients::set_blocked(&mut all, &ClientKey::from_store(key), Some(since));
        }
        Ok(all)
    }

    /// Blocks a client since `since`, or not any more.
    pub(crate) async fn set_blocked(
        &self,
        client: &ClientKey,
        since: Option<u64>,
    ) -> Result<(), StoreError> {
        let since = since.map_or(String::new(), |since| since.to_string());
        let call = self.scripts.block_client.key(self.key("clients:blocked"));
        let call = call.key(self.key("clients:unblocked"));
        self.run(call.arg(client.as_str()).arg(since)).await
    }

    /// The clients that are blocked, since when, and those whose block was ended.
    pub(super) async fn blocked_since(
        &self,
    ) -> Result<(Vec<(String, u64)>, Vec<String>), StoreError> {
        let call = self.scripts.blocked.key(self.key("clients:blocked"));
        let call = call.key(self.key("clients:unblocked"));
        self.run_within(call, TIMEOUT).await
    }
}
