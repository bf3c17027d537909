//! The envelope of a list, and the faults that corrupt it.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    api::query::Query,
    errors,
    json::{only_fields, without_fields},
    world::World,
};

/// The address of a list and the number of its rows.
pub struct List<'a> {
    pub path: &'a str,
    pub query: &'a Query,
    pub count: usize,
}

/// Answers with one page; `row` renders the row at a position.
pub fn page(world: &World, list: &List, row: impl Fn(usize) -> Option<String>) -> Response {
    let (largest, large) = {
        let faults = &world.lock().faults;
        let concerned = faults.concerns(list.path);
        let largest = faults.largest_page.filter(|_| concerned);
        (largest, faults.large_pages.filter(|_| concerned))
    };
    let size = list.query.page_size.min(largest.unwrap_or(u64::MAX));
    let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
    let pages = list.count.div_ceil(size).max(1) as u64;
    let number = list.query.page;
    if number > pages {
        return errors::not_found();
    }
    let start = usize::try_from(number - 1)
        .unwrap_or(usize::MAX)
        .saturating_mul(size);
    let end = start.saturating_add(size).min(list.count);
    let faults = PageFaults::drawn(world, list, number, pages);
    let (start, end) = faults.positions(start, end);
    if let Some(large) = large.filter(|it| end - start > it.rows) {
        return errors::too_slow(large.status);
    }
    let rows = (start..end)
        .filter_map(row)
        .map(|row| select(list.query, row));
    let results = if faults.no_results {
        "null".into()
    } else {
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    };
    let link =
        |page: u64, host: &str| format!("\"{host}{}?{}\"", list.path, list.query.for_page(page));
    let next = if faults.circle {
        link(number, &world.url)
    } else if number < pages && !faults.no_list {
        link(number + 1, faults.host.as_deref().unwrap_or(&world.url))
    } else {
        "null".into()
    };
    let previous = if number > 1 && !faults.no_list {
        link(number - 1, &world.url)
    } else {
        "null".into()
    };
    let count = faults.count;
    json_answer(format!(
        r#"{{"count":{count},"next":{next},"previous":{previous},"results":{results}}}"#
    ))
}

pub fn json_answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Applies `fields` and `omit`.
pub fn select(query: &Query, row: String) -> String {
    match (query.fields.is_empty(), query.omit.is_empty()) {
        (true, true) => row,
        (false, _) => only_fields(&row, &query.fields),
        (true, false) => without_fields(&row, &query.omit),
    }
}

#[derive(Default)]
struct PageFaults {
    shifted: bool,
    repeated: bool,
    first_again: bool,
    short: bool,
    no_rows: bool,
    no_list: bool,
    no_results: bool,
    circle: bool,
    host: Option<String>,
    count: i64,
}

impl PageFaults {
    fn drawn(world: &World, list: &List, number: u64, pages: u64) -> Self {
        let count = i64::try_from(list.count).unwrap_or(i64::MAX);
        let mut inner = world.lock();
        let faults = &mut inner.faults;
        if !faults.concerns(list.path) {
            return Self {
                count,
                ..Self::default()
            };
        }
        let (is_later, has_rows) = (number > 1, list.count > 0);
        let elsewhere = number < pages && faults.next_elsewhere.strikes();
        let no_list = has_rows && faults.empty_list.strikes();
        let flip = i64::from(faults.count_flips.strikes());
        Self {
            shifted: is_later && faults.shift_rows.strikes(),
            repeated: is_later && faults.repeat_rows.strikes(),
            first_again: is_later && faults.first_page_again.strikes(),
            short: has_rows && faults.short_page.strikes(),
            no_rows: has_rows && faults.empty_page.strikes(),
            no_list,
            no_results: faults.null_results.strikes(),
            circle: faults.next_circle.strikes(),
            host: elsewhere.then(|| String::from("https://elsewhere.example")),
            count: if no_list {
                0
            } else {
                count
                    .saturating_add(faults.count_lies.0)
                    .saturating_add(flip)
                    .max(0)
            },
        }
    }

    /// The range of rows that a fault returns instead of `start..end`.
    fn positions(&self, start: usize, end: usize) -> (usize, usize) {
        if self.no_rows || self.no_list {
            return (start, start);
        }
        if self.first_again {
            return (0, end - start);
        }
        // The fault imitates a row of an earlier page that vanished since the reader took that
        // page: rows move by one. The reader gets the last row of the previous page again and
        // misses one row.
        let begins_early = usize::from(self.shifted || self.repeated);
        let ends_early = usize::from(self.shifted) + usize::from(self.short);
        (
            start.saturating_sub(begins_early),
            end.saturating_sub(ends_early),
        )
    }
}
