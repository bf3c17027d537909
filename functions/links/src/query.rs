//! The query of a list.

use domain::DateRange;
use jiff::civil::Date;
use runtime::{Problem, ProblemKind};

/// Rows of a page, unless more or less are asked for.
const USUAL_LIMIT: usize = 100;

/// A page of 500 transactions has some 400 KB.
const LARGEST_LIMIT: usize = 500;

/// What a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    pub(crate) days: DateRange,
}

impl Query {
    /// Reads a raw query of these parameters. The problem names every one that is wrong.
    pub(crate) fn read(query: &str, allowed: &[&str]) -> Result<Self, Problem> {
        let mut read = Self {
            limit: USUAL_LIMIT,
            cursor: None,
            days: DateRange::ALL,
        };
        let mut errors: Vec<(String, String)> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let result = if !allowed.contains(&name.as_ref()) {
                Err(format!(
                    "is not a parameter of this list; {}",
                    known(allowed)
                ))
            } else if seen.contains(&name.to_string()) {
                Err("must not be given twice".to_owned())
            } else {
                read.set(&name, &value)
            };
            if let Err(rule) = result {
                // A stranger's name can hold anything, so it is not repeated.
                let name = allowed.iter().find(|it| **it == name).unwrap_or(&"?");
                errors.push((format!("query {name}"), rule));
            }
            seen.push(name.into_owned());
        }
        if let (Some(from), Some(to)) = (read.days.from, read.days.to)
            && from > to
        {
            errors.push(("query from".to_owned(), "must not be after to".to_owned()));
        }
        let problem = Problem::new(ProblemKind::InvalidRequest);
        match errors.is_empty() {
            true => Ok(read),
            false => Err(errors.into_iter().take(10).fold(problem, |problem, it| {
                let (pointer, rule) = it;
                problem.at(pointer, rule)
            })),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "limit" => {
                let limit = value.parse().ok();
                let limit = limit.filter(|it| (1..=LARGEST_LIMIT).contains(it));
                self.limit =
                    limit.ok_or_else(|| format!("must be a number from 1 to {LARGEST_LIMIT}"))?;
            }
            "cursor" => self.cursor = Some(value.to_owned()),
            "from" => self.days.from = Some(date(value)?),
            "to" => self.days.to = Some(date(value)?),
            _ => {}
        }
        Ok(())
    }
}

fn known(allowed: &[&str]) -> String {
    match allowed {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    }
}

/// Four digits, two, two: other forms of ISO 8601 are read differently by different clients.
fn date(text: &str) -> Result<Date, String> {
    let plain = text.len() == 10;
    let date = text
        .parse::<Date>()
        .ok()
        .filter(|it| plain && it.year() > 0);
    date.ok_or_else(|| "must be a date such as 2026-11-23".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 4] = ["limit", "cursor", "from", "to"];

    fn rules(query: &str) -> String {
        let problem = Query::read(query, &ALL).unwrap_err();
        problem.into_response("r", "").into_body()
    }

    #[test]
    fn what_is_not_asked_for_has_a_default() {
        let query = Query::read("", &ALL).unwrap();
        assert_eq!(
            (query.limit, query.cursor, query.days),
            (100, None, DateRange::ALL)
        );
        let query = Query::read("limit=500&from=2026-01-01&to=2026-01-31", &ALL).unwrap();
        assert_eq!(query.limit, 500);
        assert_eq!(query.days.from, "2026-01-01".parse().ok());
        assert_eq!(query.days.to, "2026-01-31".parse().ok());
    }

    #[test]
    fn every_mistake_is_named_and_no_strangers_name_is_repeated() {
        for (query, expected) in [
            ("limit=0", "query limit"),
            ("limit=501", "1 to 500"),
            ("limit=1e2", "query limit"),
            ("from=2026-02-30", "query from"),
            ("to=20260101", "query to"),
            ("to=-000001-01-01", "query to"),
            ("from=2026-02-01&to=2026-01-01", "must not be after to"),
            ("limit=1&limit=2", "twice"),
            ("name=Ana", "query ?"),
        ] {
            assert!(rules(query).contains(expected), "{query}: {}", rules(query));
        }
        assert!(!rules("76109277673=1").contains("76109277673"));
    }
}
