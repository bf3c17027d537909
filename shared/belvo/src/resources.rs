//! The six resources of a link, page by page, and row by row.

use domain::json::Members;
use domain::{DateRange, LinkId, ResourceKind};

use crate::list::{Next, PageSize};
use crate::rows::{self, Row, SpoiledRow};
use crate::{Belvo, BelvoError};

/// One page of a list. It has no `Debug`, because printing it would print bank data.
pub struct Page {
    /// The number of rows of the whole list when Belvo wrote this page, if it says one.
    pub count: Option<u64>,
    /// Whether Belvo announces another page.
    pub next: Next,
    /// The rows of this page.
    pub rows: Vec<Row>,
    /// Those that are not JSON.
    pub spoiled: Vec<SpoiledRow>,
    /// How many rows were asked for. The pages behind it are numbered by that.
    pub size: PageSize,
}

impl Page {
    /// How many rows came.
    pub fn len(&self) -> usize {
        self.rows.len() + self.spoiled.len()
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows; of those that are not JSON, what can be read.
    pub fn readable(&self) -> Vec<Row> {
        let spoiled = self.spoiled.iter().filter_map(SpoiledRow::readable);
        self.rows.iter().cloned().chain(spoiled).collect()
    }
}

impl Belvo {
    /// Reads the first page of a resource of a link, restricted to `days`: so many rows, or fewer if
    /// that many cannot be had. Belvo filters [`ResourceKind::Transactions`] by date, and no other
    /// resource.
    pub async fn first_page(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
        size: PageSize,
    ) -> Result<Page, BelvoError> {
        let read = async |size| self.page(kind, link, days, 1, size).await;
        self.in_pages(size, read).await
    }

    /// Reads page `number` (from 1), if so many rows are a page.
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
        size: PageSize,
    ) -> Result<Page, BelvoError> {
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
        }
        let what = "a page of count, next and results";
        let list = self.list_page(&url, number, size, what).await?;
        Ok(Page {
            count: list.count,
            next: list.next,
            rows: list.rows,
            spoiled: list.spoiled,
            size,
        })
    }

    /// Counts the rows Belvo holds, if it says how many. A list that gives no row has none.
    pub async fn count(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
    ) -> Result<Option<u64>, BelvoError> {
        let page = self.page(kind, link, days, 1, PageSize::of(1)).await?;
        Ok(match page.is_empty() {
            true => Some(0),
            false => page.count,
        })
    }

    /// Whether Belvo holds more rows than so many. If it counts more, or does not count, the row
    /// behind them is asked for.
    pub async fn has_more(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
        rows: u64,
    ) -> Result<bool, BelvoError> {
        let counted = self.count(kind, link, days).await?;
        match (counted, u32::try_from(rows.saturating_add(1))) {
            (Some(counted), _) if counted <= rows => Ok(false),
            (_, Ok(place)) => self.has_row(kind, link, days, place).await,
            (counted, Err(_)) => Ok(counted.is_some()),
        }
    }

    /// Whether a list has a row at a place (from 1).
    async fn has_row(
        &self,
        kind: ResourceKind,
        link: LinkId,
        days: DateRange,
        place: u32,
    ) -> Result<bool, BelvoError> {
        match self.page(kind, link, days, place, PageSize::of(1)).await {
            Ok(page) => Ok(!page.is_empty()),
            Err(BelvoError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads one row.
    ///
    /// # Errors
    /// [`BelvoError::NotFound`] is Belvo's word that the row is no more. An object with another id
    /// is no answer about this row: [`BelvoError::Unexpected`]. One that is not JSON is there all the
    /// same: [`BelvoError::SpoiledRow`].
    pub async fn row(&self, kind: ResourceKind, id: &str) -> Result<Row, BelvoError> {
        let url = self.url(path(kind).iter().copied().chain([id]));
        let named = |text: &str| Members::beginning(text)?.text("id");
        let read = |text: &str| {
            // One that does not end is there all the same, if it is the one.
            let spoiled = || (named(text)? == id).then(|| Err(SpoiledRow::of(text)));
            rows::object(text).or_else(spoiled)
        };
        let row = self.get_object(&url, "a row", read).await?;
        let is_it = match &row {
            Ok(row) => named(row.get()).is_some_and(|named| named == id),
            // Where its id is what spoils it, it may be the row, and that is all it says.
            Err(spoiled) => spoiled.id().is_none_or(|named| named == id),
        };
        let what = "the row that was asked for";
        match is_it {
            true => row.map_err(|_| BelvoError::SpoiledRow),
            false => Err(BelvoError::Unexpected { what }),
        }
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
