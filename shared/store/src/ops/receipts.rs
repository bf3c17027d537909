//! Receipts of erasures: what was asked for, and what became of it. No personal data.
//!
//! And what was erased, by month: after a restore from a backup, it is erased again.

use domain::link::EraseMark;
use domain::{ExternalId, LinkId, Month, ReceiptId};
use jiff::Timestamp;
use table::item::{self, encode_value, expiry, text};
use table::query::Keys;
use table::record::receipt::{self, Erased, Erasure, ErasureScope, KEPT, KIND, Receipt, erased_in};
use table::{Item, StoreError, Update};

use crate::stores::ConnectionStore;

impl ConnectionStore {
    /// A user's receipt, as of now.
    pub async fn receipt(
        &self,
        external_id: &ExternalId,
        id: ReceiptId,
    ) -> Result<Option<Receipt>, StoreError> {
        let key = receipt::key(external_id, id);
        self.table.find(key, KIND, "reading a receipt").await
    }

    /// Files a receipt unless there is one with its id: for an erasure that was not asked of the
    /// API, or whose receipt did not come back with a backup.
    pub async fn put_missing_receipt(
        &self,
        external_id: &ExternalId,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let item = receipt::item(external_id, receipt)?;
        self.table
            .put_once(item, "session_id", "filing a receipt")
            .await
    }

    /// Enters a link that is to be erased, unless it is there.
    pub async fn enter_link(
        &self,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        link: LinkId,
    ) -> Result<(), StoreError> {
        let change = "links.#link = if_not_exists(links.#link, :erasure)";
        let key = receipt::key(external_id, receipt_id);
        self.enter(key, link, change, &Erasure::default()).await
    }

    /// Enters what became of a link. A receipt that is no more is not made anew.
    pub async fn enter_erasure(
        &self,
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        link: LinkId,
        erasure: &Erasure,
    ) -> Result<(), StoreError> {
        let change = "links.#link = :erasure";
        let key = receipt::key(external_id, receipt_id);
        self.enter(key, link, change, erasure).await
    }

    async fn enter(
        &self,
        key: Item,
        link: LinkId,
        change: &str,
        erasure: &Erasure,
    ) -> Result<(), StoreError> {
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
        external_id: &ExternalId,
        receipt_id: ReceiptId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Update::of(receipt::key(external_id, receipt_id))
            .set("listed_at", text(now))
            .when("attribute_exists(links)");
        let entered = self.table.update(update, "entering a list");
        entered.await.map(|_| ())
    }

    /// Remembers under the month that a link was erased, or a user; the mark says on what request.
    pub async fn put_erased(
        &self,
        of: ErasureScope,
        link: LinkId,
        external_id: &ExternalId,
        mark: &EraseMark,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let item = item::of([
            ("external_id", text(erased_in(Month::of(now)))),
            ("session_id", text(link)),
            ("of", encode_value(&of, "an erasure")?),
            ("user", text(external_id)),
            ("receipt_id", text(mark.receipt_id)),
            ("requested_at", text(mark.requested_at)),
            ("expires_at", expiry(now, KEPT)),
        ]);
        self.table.put(item, "remembering an erasure").await
    }

    /// At most a megabyte of what was erased in a month, behind `after`; the last one tells
    /// where to go on.
    pub async fn erased(
        &self,
        month: Month,
        after: Option<LinkId>,
    ) -> Result<Vec<Erased>, StoreError> {
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
