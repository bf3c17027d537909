//! The envelope of a list, and the faults that make it lie.

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

/// Where a list is, and how many rows it has.
pub struct List<'a> {
    /// The path.
    pub path: &'a str,
    /// The query.
    pub query: &'a Query,
    /// How many rows match.
    pub count: usize,
}

/// Answers with a page, asking for its rows by position.
pub fn page(world: &World, list: &List, row: impl Fn(usize) -> Option<String>) -> Response {
    let size = usize::try_from(list.query.page_size).unwrap_or(usize::MAX);
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
    // One row has gone from an earlier page since it was read: everything moves up by one, seen from the
    // other end. The reader sees the last row of the page before again, and one row never.
    let (start, end) = if faults.shifted {
        (start - 1, end - 1)
    } else {
        (start, end)
    };
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
    } else if number < pages {
        link(number + 1, faults.host.as_deref().unwrap_or(&world.url))
    } else {
        "null".into()
    };
    let previous = if number > 1 {
        link(number - 1, &world.url)
    } else {
        "null".into()
    };
    let count = faults.count;
    json_answer(format!(
        r#"{{"count":{count},"next":{next},"previous":{previous},"results":{results}}}"#
    ))
}

/// Answers with finished JSON.
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

struct PageFaults {
    shifted: bool,
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
                shifted: false,
                no_results: false,
                circle: false,
                host: None,
                count,
            };
        }
        let elsewhere = number < pages && faults.next_elsewhere.strikes();
        Self {
            shifted: number > 1 && faults.shift_rows.strikes(),
            no_results: faults.null_results.strikes(),
            circle: faults.next_circle.strikes(),
            host: elsewhere.then(|| String::from("https://elsewhere.example")),
            count: count.saturating_add(faults.count_lies.0).max(0),
        }
    }
}
