//! A user's attempts to connect, and receipts of erasures; counters of attempts.

use aws_config::SdkConfig;
use domain::{AttemptRecord, Code, DocumentHash, LinkId, Month, Quota, ReceiptId, UserScope};
use jiff::{SignedDuration, Timestamp};
use table::Consistency::Eventual;
use table::item::{self, expiry, number, number_of};
use table::query::{self, Keys};
use table::record::attempt;
use table::record::heard_code;
use table::record::receipt::{self, Erasure, KIND, PREFIX, Receipt};
use table::record::usage::{self, Spent};
use table::{Result, Table, Update};

/// Links of one update: DynamoDB takes an expression of 4 KB.
const MOST_ENTERED: usize = 50;

/// What is counted within an hour.
#[derive(Clone, Copy, Debug)]
pub enum Cap<'a> {
    /// Attempts of a user.
    User(&'a UserScope),
    /// Attempts for a CPF or CNPJ.
    Document(&'a DocumentHash),
}

/// Attempts and receipts, of one user at a time.
#[derive(Clone, Debug)]
pub struct UserConnections {
    pub(crate) table: Table,
}

impl UserConnections {
    /// Those of `ConnectionTable` of this name.
    pub fn new(config: &SdkConfig, connection_table: String) -> Self {
        Self {
            table: Table::new(config, connection_table),
        }
    }

    /// The attempts of this user that began at `since` or later, as of now.
    pub async fn attempts(
        &self,
        scope: &UserScope,
        since: Timestamp,
    ) -> Result<Vec<AttemptRecord>> {
        attempt::find_since(&self.table, scope.external_id(), since).await
    }

    /// Counts an attempt, unless `limit` of them were counted in this hour. Says whether it did.
    pub async fn count(&self, cap: Cap<'_>, limit: u32, now: Timestamp) -> Result<bool> {
        let owner = match cap {
            Cap::User(scope) => scope.external_id().to_string(),
            Cap::Document(hash) => usage::partition(hash),
        };
        let hour = now.strftime("hour#%Y-%m-%dT%H");
        let key = item::key(("external_id", owner), ("session_id", hour));
        let update = Update::of(key)
            .add("attempts", number(1))
            .set("expires_at", expiry(now, SignedDuration::from_hours(2)))
            .when("attribute_not_exists(attempts) OR attempts < :limit")
            .value("limit", number(limit));
        self.table.update(update, "counting attempts").await
    }

    /// Notes that a code of Belvo's was heard today, and says whether it is for the first time. It is
    /// no user's.
    pub async fn hear_code(&self, code: &Code, now: Timestamp) -> Result<bool> {
        heard_code::hear(&self.table, code, now).await
    }

    /// What was spent for a CPF or CNPJ in a month.
    pub async fn spent(&self, document: &DocumentHash, month: Month) -> Result<Spent> {
        let key = usage::key(document, month);
        let item = self.table.get(key, Eventual, "reading what was spent");
        let item = item.await?.unwrap_or_default();
        let spent = Quota::all().filter_map(|it| Some((it, number_of(&item, it.name())?)));
        Ok(spent.collect())
    }

    /// A receipt of this user, as of now.
    pub async fn receipt(&self, scope: &UserScope, id: ReceiptId) -> Result<Option<Receipt>> {
        let key = receipt::key(scope.external_id(), id);
        self.table.find(key, KIND, "reading a receipt").await
    }

    /// All receipts of this user that were asked for no later than then.
    pub async fn receipts_until(
        &self,
        scope: &UserScope,
        requested_at: Timestamp,
    ) -> Result<Vec<Receipt>> {
        let keys = Keys::Starting(PREFIX.to_owned());
        let query = self
            .table
            .query(("external_id", scope.external_id()), ("session_id", keys))
            .consistent_read(true);
        let mut receipts: Vec<Receipt> = query::records(query, KIND, "reading receipts").await?;
        receipts.retain(|it| it.requested_at <= requested_at);
        Ok(receipts)
    }

    /// Files a receipt of this user, unless the job of the erasure was faster.
    pub async fn put_missing_receipt(&self, scope: &UserScope, receipt: &Receipt) -> Result<()> {
        let item = receipt::item(scope.external_id(), receipt)?;
        self.table
            .put_once(item, "session_id", "filing a receipt")
            .await
    }

    /// Enters links that are to be erased, unless they are there.
    pub async fn enter_links(
        &self,
        scope: &UserScope,
        id: ReceiptId,
        links: &[LinkId],
    ) -> Result<()> {
        let erasure = item::encode_value(&Erasure::default(), KIND)?;
        for links in links.chunks(MOST_ENTERED) {
            let mut update = Update::of(receipt::key(scope.external_id(), id))
                .name("links", "links")
                .value("erasure", erasure.clone())
                .when("attribute_exists(links)");
            for (position, link) in links.iter().enumerate() {
                let alias = format!("link{position}");
                let entry = format!("#links.#{alias} = if_not_exists(#links.#{alias}, :erasure)");
                update = update.change("SET", &alias, entry).name(&alias, link);
            }
            self.table.update(update, "entering links").await?;
        }
        Ok(())
    }
}
