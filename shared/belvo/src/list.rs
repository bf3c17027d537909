//! One page of a list, as Belvo answers it: `{"count": …, "next": …, "results": […]}`.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use domain::json::{self, Members, text};

use crate::rows::{Row, SpoiledRow, row};
use crate::{Belvo, BelvoError};

/// Sizes of pages below this are not worth their requests.
pub(crate) const SMALLEST: u32 = 8;

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

    /// The parts that a page of this size divides into without rest, if it does.
    pub(crate) fn part(self) -> Option<Self> {
        let divisors = [5, 2, 3, 7].into_iter();
        let mut divisors = divisors.filter(|it| self.rows > 1 && self.rows.is_multiple_of(*it));
        let divisor = divisors.next()?;
        Some(Self {
            rows: self.rows / divisor,
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

/// What a page says of the pages behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// There is another page. Where it is said to be makes no difference.
    More,
    /// There is none.
    End,
    /// The page does not say.
    Unsaid,
}

/// A page of rows of whatever kind. Its numbers are hints: what counts are the rows that came.
pub(crate) struct List {
    /// The number of all rows, if the page says one.
    pub(crate) count: Option<u64>,
    pub(crate) next: Next,
    pub(crate) rows: Vec<Row>,
    pub(crate) spoiled: Vec<SpoiledRow>,
    /// The text from the first row on that cannot be told from those behind it.
    pub(crate) undivided: Option<String>,
}

impl List {
    /// Whether there may be another page.
    pub(crate) fn has_next(&self) -> bool {
        let came = self.rows.len() as u64 + self.spoiled.len() as u64;
        let is_more = self.count.is_none_or(|count| count > came);
        match self.next {
            Next::More => true,
            Next::End => false,
            Next::Unsaid => came > 0 && is_more,
        }
    }

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
    struct Envelope<'a> {
        #[serde(borrow, default)]
        count: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        next: Option<&'a RawValue>,
        results: Vec<Row>,
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    Some(List {
        count: envelope.count.and_then(|it| count(it.get())),
        next: next(envelope.next.map(RawValue::get)),
        rows: envelope.results,
        spoiled: Vec::new(),
        undivided: None,
    })
}

/// The same where not every row is JSON.
fn lenient(text: &str) -> Option<List> {
    let members = Members::beginning(text)?;
    let results = members.raw("results").or_else(|| members.broken("results"));
    let results = results.filter(|it| it.trim_start().starts_with('['))?;
    let (elements, rest) = json::elements(results);
    let mut list = List {
        count: members.raw("count").and_then(count),
        next: next(members.raw("next")),
        rows: Vec::new(),
        spoiled: Vec::new(),
        undivided: rest.map(str::to_owned),
    };
    for element in elements {
        match row(element) {
            Ok(row) => list.rows.push(row),
            Err(row) => list.spoiled.push(row),
        }
    }
    Some(list)
}

/// Keeps a member that is there and null apart from one that is not there.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

/// A number of rows, written as a number or as a text.
fn count(text: &str) -> Option<u64> {
    let number = serde_json::from_str(text).ok();
    number.or_else(|| {
        let text: String = serde_json::from_str(text).ok()?;
        text.trim().parse().ok()
    })
}

fn next(text: Option<&str>) -> Next {
    match text {
        None => Next::Unsaid,
        Some("null" | "false" | "\"\"") => Next::End,
        Some(_) => Next::More,
    }
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
        let began = self.options.rate_limiter.stopwatch();
        loop {
            let error = match read(size).await {
                Err(error) if error.is_for_its_size() && began.elapsed() < SHRINKS_WITHIN => error,
                result => return result,
            };
            size = size.smaller().ok_or(error)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_may_have_other_forms_than_documented() {
        let check = |members: &str, count: Option<u64>, next: Next| {
            for row in ["{}", r#"{"a":NaN}"#] {
                let text = format!(r#"{{{members}"results":[{row}]}}"#);
                let answer = Response::new(Bytes::from(text.clone()));
                let list = list("a list")(answer).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!((list.count, list.next), (count, next), "{text}");
                assert_eq!(list.rows.len() + list.spoiled.len(), 1, "{text}");
            }
        };
        check("", None, Next::Unsaid);
        check(r#""count":7,"next":null,"#, Some(7), Next::End);
        check(r#""count":"7","next":"x","#, Some(7), Next::More);
        check(r#""count":" 7 ","next":"","#, Some(7), Next::End);
        check(r#""count":null,"next":false,"#, None, Next::End);
        for odd in ["-1", "7.5", "{}", "[7]", r#""seven""#, "true"] {
            check(&format!(r#""count":{odd},"next":7,"#), None, Next::More);
        }
        for odd in ["0", "true", "{}", "[]", r#""/api/?page=2""#] {
            check(&format!(r#""next":{odd},"#), None, Next::More);
        }
    }
}
