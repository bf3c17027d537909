//! The six resources of a link, page by page.

use domain::{LinkId, ResourceKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Belvo, BelvoError};

/// Belvo's maximum; larger values are silently reduced to it (OpenAPI 1.223.0, `page_size`).
pub const PAGE_SIZE: u32 = 1000;

/// An object as Belvo wrote it.
pub type Row = Box<RawValue>;

/// One page of a list. It has no `Debug`: whatever prints it prints somebody's data.
pub struct Page {
    /// How many rows the whole list has, as of this page.
    pub count: u64,
    /// Whether Belvo announces another page.
    pub has_next: bool,
    /// The rows of this page.
    pub rows: Vec<Row>,
}

impl Belvo {
    /// Reads page `number` (from 1) of what Belvo holds of a resource of a link.
    ///
    /// A GET reads Belvo's own store: it spends no Open Finance quota.
    /// `next` only says whether there is more; its address is never followed, because our keys
    /// would go wherever it points.
    pub async fn page(
        &self,
        kind: ResourceKind,
        link: LinkId,
        number: u32,
    ) -> Result<Page, BelvoError> {
        #[derive(Deserialize)]
        struct Envelope {
            count: u64,
            next: Option<String>,
            results: Vec<Row>,
        }
        let mut url = match kind {
            ResourceKind::Owners => self.url(["api", "owners"]),
            ResourceKind::Accounts => self.url(["api", "accounts"]),
            ResourceKind::Transactions => self.url(["api", "transactions"]),
            ResourceKind::Bills => self.url(["api", "bills"]),
            ResourceKind::Investments => self.url(["api", "br", "investments"]),
            ResourceKind::InvestmentTransactions => {
                self.url(["api", "br", "investment-transactions"])
            }
        };
        url.query_pairs_mut()
            .append_pair("link", &link.to_string())
            .append_pair("page_size", &PAGE_SIZE.to_string())
            .append_pair("page", &number.to_string());
        let envelope: Envelope = self.get(&url, "a page of count, next and results").await?;
        Ok(Page {
            count: envelope.count,
            has_next: envelope.next.is_some(),
            rows: envelope.results,
        })
    }
}
