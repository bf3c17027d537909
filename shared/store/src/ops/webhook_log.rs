//! EVENT records: which webhooks came for a link, and what they led to.

use domain::link::LoggedWebhook;
use domain::{Event, LinkId};
use table::query::{self, Keys};
use table::record::webhook_log::{self, PREFIX};
use table::{Result, value};

use crate::stores::LinkStore;

impl LinkStore {
    /// Writes a webhook into the log of its link, with what it led to.
    pub async fn put_webhook(
        &self,
        link: LinkId,
        webhook: &LoggedWebhook,
        outcome: &str,
    ) -> Result<()> {
        let item = webhook_log::item(webhook, link, outcome)?;
        self.table.put(item, "writing the webhook log").await
    }

    /// The logged webhooks of a link, the oldest first; those that an earlier release wrote in
    /// another form are left out.
    pub async fn webhooks(&self, link: LinkId) -> Result<Vec<Event>> {
        let keys = Keys::Starting(PREFIX.to_owned());
        let query = self.table.query(("link_id", link), ("record", keys));
        let items = query::all(query, "reading the webhook log").await?;
        let logged = items.iter().filter_map(|it| it.get("event"));
        let events = logged.filter_map(|it| serde_json::from_str(&value::to_json(it)).ok());
        Ok(events.collect())
    }
}
