//! The six resources of a link, page by page, and row by row.

use domain::{DateRange, LinkId, ResourceKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Belvo, BelvoError};

/// An object as Belvo wrote it.
pub type Row = Box<RawValue>;

/// One page of a list. It has no `Debug`, because printing it would print bank data.
#[derive(Default)]
pub struct Page {
    /// The number of rows of the whole list when Belvo wrote this page.
    pub count: u64,
    /// Whether Belvo announces another page.
    pub has_next: bool,
    /// The rows of this page.
    pub rows: Vec<Row>,
}

impl Belvo {
    /// Reads page `number` (from 1) of a resource of a link, restricted to `days`. Belvo filters
    /// [`ResourceKind::Transactions`] by date, and no other resource.
    ///
    /// A GET reads Belvo's own store: it spends no Open Finance quota.
    /// `next` only says whether another page follows. Its address is never called, because the keys
    /// would be sent there.
    pub async fn page(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
        number: u32,
    ) -> Result<Page, BelvoError> {
        self.page_of(kind, link, days, number, self.options.page_size)
            .await
    }

    /// Counts the rows Belvo holds.
    pub async fn count(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
    ) -> Result<u64, BelvoError> {
        Ok(self.page_of(kind, link, days, 1, 1).await?.count)
    }

    /// Reads one row.
    ///
    /// # Errors
    /// [`BelvoError::NotFound`] is Belvo's word that the row is no more. An object with another id
    /// is no answer about this row: [`BelvoError::Unexpected`].
    pub async fn row(&self, kind: ResourceKind, id: &str) -> Result<Row, BelvoError> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let url = self.url(path(kind).iter().copied().chain([id]));
        let row: Row = self.get(&url, "a row").await?;
        let named: Option<Named> = serde_json::from_str(row.get()).ok();
        let what = "the row that was asked for";
        match named.is_some_and(|named| named.id == id) {
            true => Ok(row),
            false => Err(BelvoError::Unexpected { what }),
        }
    }

    /// The number of rows of a full page.
    pub fn page_size(&self) -> u32 {
        self.options.page_size
    }

    async fn page_of(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
        number: u32,
        page_size: u32,
    ) -> Result<Page, BelvoError> {
        #[derive(Deserialize)]
        struct Envelope {
            count: u64,
            next: Option<String>,
            results: Vec<Row>,
        }
        let mut url = self.url(path(kind).iter().copied());
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("link", &link.to_string());
            if let Some(from) = days.from {
                query.append_pair("value_date__gte", &from.to_string());
            }
            if let Some(to) = days.to {
                query.append_pair("value_date__lte", &to.to_string());
            }
            query
                .append_pair("page_size", &page_size.to_string())
                .append_pair("page", &number.to_string());
        }
        let envelope: Envelope = self.get(&url, "a page of count, next and results").await?;
        Ok(Page {
            count: envelope.count,
            has_next: envelope.next.is_some(),
            rows: envelope.results,
        })
    }
}

/// Belvo's OpenAPI 1.223.0; its widget guide prints the last two without `br`.
fn path(kind: ResourceKind) -> &'static [&'static str] {
    match kind {
        ResourceKind::Owners => &["api", "owners"],
        ResourceKind::Accounts => &["api", "accounts"],
        ResourceKind::Transactions => &["api", "transactions"],
        ResourceKind::Bills => &["api", "bills"],
        ResourceKind::Investments => &["api", "br", "investments"],
        ResourceKind::InvestmentTransactions => &["api", "br", "investment-transactions"],
    }
}
