//! One page of a list, as Belvo answers it: `{"count": …, "next": …, "results": […]}`.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::rows::{self, Row, SpoiledRow};
use crate::{Belvo, BelvoError, text};

/// Sizes of pages below this are not worth their requests.
const SMALLEST: u32 = 8;

/// After this time no smaller page is asked for: two that took all their time are a minute.
const SHRINKS_WITHIN: Duration = Duration::from_secs(45);

/// How many rows are asked for at once. Belvo, or something in front of it, may give fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageSize {
    rows: u32,
    /// Whether a larger page could not be had.
    is_reduced: bool,
}

impl PageSize {
    pub fn of(rows: u32) -> Self {
        Self {
            rows: rows.max(1),
            is_reduced: false,
        }
    }

    pub fn rows(self) -> u32 {
        self.rows
    }

    /// A fifth of it, for a list of which a larger page could not be had.
    pub fn smaller(self) -> Option<Self> {
        let fifth = self.rows / 5;
        (fifth >= SMALLEST).then_some(Self {
            rows: fifth,
            is_reduced: true,
        })
    }

    /// How often a page of this size is asked for that fails for its size, if not as often as any. One
    /// that was reduced already is asked for once: in an outage, no size helps.
    pub(crate) fn tries(self, error: &BelvoError) -> Option<usize> {
        let is_first = !self.is_reduced && self.smaller().is_some();
        match (error.is_for_its_size(), self.is_reduced, is_first) {
            (true, true, _) => Some(1),
            (true, _, true) if error.is_too_large() => Some(1),
            (true, _, true) => Some(2),
            _ => None,
        }
    }
}

/// A page of rows of whatever kind.
pub(crate) struct List {
    pub(crate) count: u64,
    pub(crate) has_next: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) spoiled: Vec<SpoiledRow>,
}

impl List {
    /// All rows; of those that are not JSON, what can be read.
    pub(crate) fn into_readable(self) -> Vec<Row> {
        let spoiled = self.spoiled.iter().filter_map(SpoiledRow::readable);
        self.rows.into_iter().chain(spoiled).collect()
    }
}

/// Reads an answer that must be a page of a list.
pub(crate) fn list(what: &'static str) -> impl Fn(Response<Bytes>) -> Result<List, BelvoError> {
    move |answer| {
        let text = text::of(answer.body());
        // serde would read the envelope from an array as well.
        let object = text.starts_with('{').then_some(&*text);
        let list = object.and_then(|it| strict(it).or_else(|| lenient(it)));
        list.ok_or(BelvoError::Unexpected { what })
    }
}

fn strict(text: &str) -> Option<List> {
    #[derive(Deserialize)]
    struct Envelope {
        count: u64,
        #[serde(default)]
        next: Value,
        results: Vec<Row>,
    }
    let envelope: Envelope = serde_json::from_str(text).ok()?;
    Some(List {
        count: envelope.count,
        has_next: !envelope.next.is_null(),
        rows: envelope.results,
        spoiled: Vec::new(),
    })
}

/// The same where not every row is JSON.
fn lenient(text: &str) -> Option<List> {
    let members = rows::members(text);
    let next = members.get("next").copied().unwrap_or("null");
    let mut list = List {
        count: serde_json::from_str(members.get("count")?).ok()?,
        has_next: next != "null",
        rows: Vec::new(),
        spoiled: Vec::new(),
    };
    for element in rows::elements(members.get("results")?)? {
        match element {
            Ok(row) => list.rows.push(row),
            Err(row) => list.spoiled.push(row),
        }
    }
    Some(list)
}

impl Belvo {
    /// The size of the pages that lists are asked for at first.
    pub fn page_size(&self) -> PageSize {
        PageSize::of(self.options.page_size)
    }

    /// Does a read in pages, again with smaller ones if one fails for its size.
    pub(crate) async fn in_pages<T>(
        &self,
        mut size: PageSize,
        read: impl AsyncFn(PageSize) -> Result<T, BelvoError>,
    ) -> Result<T, BelvoError> {
        let began = Instant::now();
        loop {
            let error = match read(size).await {
                Err(error) if error.is_for_its_size() && began.elapsed() < SHRINKS_WITHIN => error,
                result => return result,
            };
            size = size.smaller().ok_or(error)?;
        }
    }
}
