//! A page in parts, where its rows cannot be told apart.
//!
//! One quote or bracket that is where it should not be, or an answer that ends too early, leaves
//! nothing to tell the rows behind it by. In smaller pages Belvo itself divides them, down to that
//! very row.

use url::Url;

use crate::list::{List, Next, PageSize};
use crate::rows::SpoiledRow;
use crate::{Belvo, BelvoError};

impl Belvo {
    /// Reads page `number` (from 1) of the list at an address, if so many rows are a page. A row that
    /// cannot be told from those behind it is a spoiled one.
    pub(crate) async fn list_page(
        &self,
        url: &Url,
        number: u32,
        size: PageSize,
        what: &'static str,
    ) -> Result<List, BelvoError> {
        let mut list = self
            .get_list(&numbered(url, number, size), size, what)
            .await?;
        let Some(undivided) = list.undivided.take() else {
            return Ok(list);
        };
        if let Some(part) = size.part() {
            return Box::pin(self.in_parts(url, number, size, part, what)).await;
        }
        if size.rows() != 1 || undivided.is_empty() || came(&list) > 0 {
            return Err(BelvoError::Unexpected { what });
        }
        list.spoiled.push(SpoiledRow::of(&undivided));
        Ok(list)
    }

    async fn in_parts(
        &self,
        url: &Url,
        number: u32,
        size: PageSize,
        part: PageSize,
        what: &'static str,
    ) -> Result<List, BelvoError> {
        let parts = size.rows() / part.rows();
        let first = number.saturating_sub(1).saturating_mul(parts);
        let mut list = self
            .list_page(url, first.saturating_add(1), part, what)
            .await?;
        let mut came_last = came(&list);
        for position in 2..=parts {
            let is_full = came_last >= u64::from(part.rows());
            if list.next == Next::End || (list.next == Next::Unsaid && !is_full) {
                break;
            }
            // A page of another size than asked for says nothing about where the next one begins.
            if came_last != u64::from(part.rows()) {
                return Err(BelvoError::Unexpected { what });
            }
            let next = self.list_page(url, first.saturating_add(position), part, what);
            let next = match next.await {
                // Belvo's answer for a page after the last one.
                Err(BelvoError::NotFound { .. }) => break,
                next => next?,
            };
            came_last = came(&next);
            (list.count, list.next) = (next.count, next.next);
            list.rows.extend(next.rows);
            list.spoiled.extend(next.spoiled);
        }
        match came(&list) {
            // There was a row, so that these were other places.
            0 => Err(BelvoError::Unexpected { what }),
            _ => Ok(list),
        }
    }
}

fn came(list: &List) -> u64 {
    (list.rows.len() + list.spoiled.len()) as u64
}

fn numbered(url: &Url, number: u32, size: PageSize) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("page_size", &size.rows().to_string())
        .append_pair("page", &number.to_string());
    url
}
