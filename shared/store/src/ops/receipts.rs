//! Receipts of erasures: what was asked for, and what became of it. No personal data.
//!
//! And what was erased, by month: after a restore from a backup, it is erased again.

use domain::{ExternalId, LinkId, Month, ReceiptId};
use jiff::Timestamp;
use table::item::{self, encode_value, expiry, text};
use table::query::Keys;
use table::record::receipt::{self, Erased, Erasure, KEPT, KIND, Receipt, erased_in};
use table::record::tombstone::Tombstone;
use table::{Item, Result, StoreError, Update};

use crate::stores::ConnectionStore;

impl ConnectionStore {
    /// A user's receipt, as of now.
    pub async fn receipt(&self, user: &ExternalId, id: ReceiptId) -> Result<Option<Receipt>> {
        let key = receipt::key(user, id);
        self.table.find(key, KIND, "reading a receipt").await
    }

    /// Files a receipt unless there is one with its id: for an erasure that was not asked of the
    /// API, or whose receipt did not come back with a backup.
    pub async fn put_missing_receipt(&self, user: &ExternalId, receipt: &Receipt) -> Result<()> {
        let item = receipt::item(user, receipt)?;
        self.table
            .put_once(item, "session_id", "filing a receipt")
            .await
    }

    /// Enters a link that is to be erased, unless it is there.
    pub async fn enter_link(
        &self,
        user: &ExternalId,
        receipt_id: ReceiptId,
        link: LinkId,
    ) -> Result<()> {
        let change = "links.#link = if_not_exists(links.#link, :erasure)";
        let key = receipt::key(user, receipt_id);
        self.change(key, link, change, &Erasure::default()).await
    }

    /// Enters what became of a link so far.
    pub async fn enter(&self, user: &ExternalId, tombstone: &Tombstone) -> Result<()> {
        let (change, link) = ("links.#link = :erasure", tombstone.link_id);
        let key = receipt::key(user, tombstone.receipt_id);
        self.change(key, link, change, &tombstone.erasure).await
    }

    /// A receipt that is no more is not made anew.
    async fn change(&self, key: Item, link: LinkId, change: &str, erasure: &Erasure) -> Result<()> {
        let update = Update::of(key)
            .change("SET", "link", change.to_owned())
            .name("link", link)
            .value("erasure", encode_value(erasure, "an erasure")?)
            .when("attribute_exists(links)");
        let entered = self.table.update(update, "entering an erasure");
        entered.await.map(|_| ())
    }

    /// Enters that Belvo was asked for links we never heard of.
    pub async fn enter_listed(
        &self,
        user: &ExternalId,
        id: ReceiptId,
        now: Timestamp,
    ) -> Result<()> {
        let update = Update::of(receipt::key(user, id))
            .set("listed_at", text(now))
            .when("attribute_exists(links)");
        let entered = self.table.update(update, "entering a list");
        entered.await.map(|_| ())
    }

    /// Remembers under the month that a link was erased, or a user, and on what request.
    pub async fn put_erased(
        &self,
        user: &ExternalId,
        tombstone: &Tombstone,
        now: Timestamp,
    ) -> Result<()> {
        let item = item::of([
            ("external_id", text(erased_in(Month::of(now)))),
            ("session_id", text(tombstone.link_id)),
            ("of", encode_value(&tombstone.of, "an erasure")?),
            ("user", text(user)),
            ("receipt_id", text(tombstone.receipt_id)),
            ("requested_at", text(tombstone.mark(now).requested_at)),
            ("expires_at", expiry(now, KEPT)),
        ]);
        self.table.put(item, "remembering an erasure").await
    }

    /// At most a megabyte of what was erased in a month, behind `after`; the last one tells
    /// where to go on.
    pub async fn erased(&self, month: Month, after: Option<LinkId>) -> Result<Vec<Erased>> {
        // A sort key is not empty, and a blank sorts before all of ours.
        let after = after.map_or_else(|| " ".to_owned(), |link| link.to_string());
        let month = erased_in(month);
        let keys = Keys::Behind(after);
        let query = self
            .table
            .query(("external_id", month), ("session_id", keys));
        let answer = query.send().await;
        let answer = answer.map_err(StoreError::failed("reading what was erased"))?;
        let items = answer.items.unwrap_or_default().into_iter();
        items.map(|it| item::decode(it, "an erasure")).collect()
    }
}
