//! Query parameters of each list: names, accepted values, and the filter they make.

use axum::response::Response;
use jiff::{Timestamp, civil::Date};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    clock,
    errors::{self, Complaint},
};

/// Belvo's default page size.
const USUAL_PAGE_SIZE: u64 = 100;
/// Belvo silently reduces larger pages to this.
const LARGEST_PAGE: u64 = 1_000;

/// The type of a parameter's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Id,
    /// A date, for a field that holds dates.
    Day,
    /// A date or a timestamp, for a field that holds timestamps.
    Moment,
    Number,
}

/// A field a list can be filtered by: its name, its kind, and its operators.
pub type Filter = (&'static str, Kind, &'static [&'static str]);

/// Equality only.
pub const IS: &[&str] = &[""];
/// Equality and membership.
pub const IN: &[&str] = &["", "in"];
/// Everything that needs an order.
pub const ORDER: &[&str] = &["", "gt", "gte", "lt", "lte", "range"];

/// A value of a row or of a query.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Operand {
    Text(String),
    Id(Uuid),
    Day(Date),
    Moment(Timestamp),
    /// In units of a hundred-millionth.
    Number(i128),
}

/// A filter with its values.
#[derive(Debug)]
pub struct Condition {
    pub field: &'static str,
    operator: &'static str,
    values: Vec<Operand>,
}

/// A validated query.
#[derive(Debug)]
pub struct Query {
    /// Starts at 1.
    pub page: u64,
    pub page_size: u64,
    /// Top-level fields to keep; all of them if empty.
    pub fields: Vec<String>,
    /// Top-level fields to leave out.
    pub omit: Vec<String>,
    pub conditions: Vec<Condition>,
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Parses a query string.
    ///
    /// # Errors
    /// Belvo's error for a parameter or value it refuses.
    pub fn read(query: Option<&str>, filters: &[Filter]) -> Result<Self, Box<Response>> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(query.unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let mut read = Self {
            page: 1,
            page_size: USUAL_PAGE_SIZE,
            fields: Vec::new(),
            omit: Vec::new(),
            conditions: Vec::new(),
            pairs: Vec::new(),
        };
        let mut complaints = Vec::new();
        for (name, value) in &pairs {
            if let Err(complaint) = read.take(name, value, filters) {
                complaints.push(complaint);
            }
        }
        if !complaints.is_empty() {
            return Err(Box::new(errors::bad_request(complaints)));
        }
        read.pairs = pairs;
        Ok(read)
    }

    /// The values given for a field with equality or membership.
    pub fn values(&self, field: &str) -> Vec<&Operand> {
        self.conditions
            .iter()
            .filter(|condition| condition.field == field)
            .flat_map(|condition| &condition.values)
            .collect()
    }

    /// The query string of another page.
    pub fn for_page(&self, page: u64) -> String {
        let others = self.pairs.iter().filter(|(name, _)| name != "page");
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("page", &page.to_string())
            .finish()
    }

    fn take(&mut self, name: &str, value: &str, filters: &[Filter]) -> Result<(), Complaint> {
        match name {
            "page" => self.page = positive(name, value)?,
            "page_size" => self.page_size = positive(name, value)?.min(LARGEST_PAGE),
            "fields" => self.fields = value.split(',').map(str::to_owned).collect(),
            "omit" => self.omit = value.split(',').map(str::to_owned).collect(),
            _ => self.conditions.push(condition(name, value, filters)?),
        }
        Ok(())
    }
}

impl Condition {
    /// Whether a row with this value passes the filter.
    pub fn lets_pass(&self, value: Option<&Operand>) -> bool {
        let Some(value) = value else {
            return self.operator == "not_in";
        };
        let compare = |given: &Operand| compare(value, given);
        let first = self.values.first().and_then(compare);
        match self.operator {
            "not_in" => !self
                .values
                .iter()
                .any(|given| compare(given).is_some_and(|o| o.is_eq())),
            "gt" => first.is_some_and(|order| order.is_gt()),
            "gte" => first.is_some_and(|order| order.is_ge()),
            "lt" => first.is_some_and(|order| order.is_lt()),
            "lte" => first.is_some_and(|order| order.is_le()),
            "range" => {
                let last = self.values.get(1).and_then(compare);
                first.is_some_and(|order| order.is_ge()) && last.is_some_and(|order| order.is_le())
            }
            "icontains" => match (value, self.values.first()) {
                (Operand::Text(text), Some(Operand::Text(part))) => {
                    text.to_lowercase().contains(&part.to_lowercase())
                }
                _ => false,
            },
            _ => self
                .values
                .iter()
                .any(|given| compare(given).is_some_and(|o| o.is_eq())),
        }
    }
}

impl Condition {
    /// The first and the last date that pass, for a field that holds dates.
    pub fn days(&self) -> Option<(Date, Date)> {
        let day = |value: Option<&Operand>| match value {
            Some(Operand::Day(day)) => Some(*day),
            _ => None,
        };
        let first = day(self.values.first())?;
        Some(match self.operator {
            "gt" => (first.tomorrow().ok()?, Date::MAX),
            "gte" => (first, Date::MAX),
            "lt" => (Date::MIN, first.yesterday().ok()?),
            "lte" => (Date::MIN, first),
            "range" => (first, day(self.values.get(1))?),
            "" => (first, first),
            _ => return None,
        })
    }
}

fn compare(value: &Operand, given: &Operand) -> Option<std::cmp::Ordering> {
    match (value, given) {
        // A date given for a timestamp field means the whole day.
        (Operand::Moment(moment), Operand::Day(day)) => Some(clock::day(*moment).cmp(day)),
        _ => value.partial_cmp(given),
    }
}

fn condition(name: &str, value: &str, filters: &[Filter]) -> Result<Condition, Complaint> {
    let (field, operator) = match name.rsplit_once("__") {
        Some((field, operator)) if filters.iter().any(|filter| filter.0 == field) => {
            (field, operator)
        }
        _ => (name, ""),
    };
    let known = filters
        .iter()
        .find(|(known, _, operators)| *known == field && operators.contains(&operator));
    let Some((field, kind, operators)) = known else {
        let message = format!("Unknown query parameter \"{name}\".");
        return Err(Complaint::about(name, "validation_error", message));
    };
    let values: Vec<&str> = match operator {
        "in" | "not_in" | "range" => value.split(',').collect(),
        _ => vec![value],
    };
    if operator == "range" && values.len() != 2 {
        return Err(Complaint::about(
            name,
            "invalid",
            "A range needs two values.",
        ));
    }
    let values: Option<Vec<Operand>> = values
        .into_iter()
        .map(|value| operand(*kind, value))
        .collect();
    let values = values.ok_or_else(|| {
        Complaint::about(name, "invalid", format!("“{value}” is not a valid value."))
    })?;
    let operator = operators
        .iter()
        .find(|known| **known == operator)
        .copied()
        .unwrap_or_default();
    Ok(Condition {
        field,
        operator,
        values,
    })
}

fn operand(kind: Kind, text: &str) -> Option<Operand> {
    match kind {
        Kind::Text => Some(Operand::Text(text.to_owned())),
        Kind::Id => text.parse().ok().map(Operand::Id),
        Kind::Day => day(text).map(Operand::Day),
        Kind::Moment => day(text)
            .map(Operand::Day)
            .or_else(|| text.parse().ok().map(Operand::Moment)),
        Kind::Number => number(text).map(Operand::Number),
    }
}

/// Requires a bare date; jiff would also take the date of a longer text.
fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// Numbers are compared in units of a hundred-millionth.
pub const NUMBER_UNITS_PER_CENT: i128 = 1_000_000;

/// A decimal number, without rounding.
pub fn number(text: &str) -> Option<i128> {
    const DIGITS: usize = 8;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction
        .chars()
        .chain("00000000".chars())
        .take(DIGITS)
        .collect();
    format!("{whole}{fraction}").parse().ok()
}

fn positive(name: &str, value: &str) -> Result<u64, Complaint> {
    value
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| Complaint::about(name, "invalid", "A positive whole number is required."))
}
