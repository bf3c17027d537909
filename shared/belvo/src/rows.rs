//! Rows as Belvo wrote them, JSON or not.
//!
//! A token that JSON does not know, such as `NaN`, makes a parser refuse the whole answer. Here an
//! answer is divided where brackets and texts end, so that one such value spoils the row it is in
//! and no other.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// An object as Belvo wrote it.
pub type Row = Box<RawValue>;

/// A row that is not JSON. It has no `Debug`, because printing it would print bank data.
pub struct SpoiledRow(String);

impl SpoiledRow {
    /// Belvo's id of it, if that can be made out.
    pub fn id(&self) -> Option<String> {
        serde_json::from_str(members(&self.0).get("id")?).ok()
    }

    /// The row as Belvo wrote it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The row without those of its members that are not JSON.
    pub(crate) fn readable(&self) -> Option<Row> {
        let members = members(&self.0);
        let kept = members.into_iter().filter_map(|(name, text)| {
            let value: &RawValue = serde_json::from_str(text).ok()?;
            Some((name, value))
        });
        let kept: BTreeMap<String, &RawValue> = kept.collect();
        serde_json::value::to_raw_value(&kept).ok()
    }
}

/// An object, whether it is JSON or not; `None` if it is none, or does not end.
pub(crate) fn object(text: &str) -> Option<Result<Row, SpoiledRow>> {
    let (object, behind) = value(text).filter(|(it, _)| it.starts_with('{'))?;
    behind.trim_start().is_empty().then(|| row(object))
}

/// The elements of an array; `None` unless its brackets and commas are in their places.
pub(crate) fn elements(array: &str) -> Option<Vec<Result<Row, SpoiledRow>>> {
    let mut rest = array.trim_start().strip_prefix('[')?.trim_start();
    let mut elements = Vec::new();
    while !rest.starts_with(']') {
        let (element, behind) = value(rest)?;
        elements.push(row(element));
        rest = behind.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
        } else if !rest.starts_with(']') {
            return None;
        }
    }
    Some(elements)
}

/// The members of an object up to the first one that cannot be told apart, by their names. Of two
/// with one name the last one counts.
pub(crate) fn members(object: &str) -> BTreeMap<String, &str> {
    let mut members = BTreeMap::new();
    let mut rest = object.trim_start().strip_prefix('{').unwrap_or_default();
    while let Some((name, text, behind)) = member(rest) {
        members.insert(name, text);
        rest = behind.trim_start().strip_prefix(',').unwrap_or_default();
    }
    members
}

fn row(text: &str) -> Result<Row, SpoiledRow> {
    serde_json::from_str(text).map_err(|_| SpoiledRow(text.to_owned()))
}

/// The member that a text begins with, and what is behind it.
fn member(text: &str) -> Option<(String, &str, &str)> {
    let (name, behind) = value(text)?;
    let name = serde_json::from_str(name).ok()?;
    let (text, behind) = value(behind.trim_start().strip_prefix(':')?)?;
    Some((name, text, behind))
}

/// The value that a text begins with, and what is behind it.
fn value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let length = match text.bytes().next()? {
        b'"' => text_length(text)?,
        b'{' | b'[' => nested_length(text)?,
        _ => {
            let ends = |it: char| matches!(it, ',' | ':' | ']' | '}') || it.is_whitespace();
            text.find(ends).unwrap_or(text.len())
        }
    };
    text.split_at_checked(length)
        .filter(|(it, _)| !it.is_empty())
}

/// How long the text in quotes is that something begins with.
fn text_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let closes = |(_, byte): &(usize, u8)| {
        let closes = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    };
    let (at, _) = text.bytes().enumerate().skip(1).find(closes)?;
    Some(at + 1)
}

/// How long the object or array is that a text begins with.
fn nested_length(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match text.as_bytes().get(at)? {
            b'"' => at += text_length(text.get(at..)?)?,
            byte => {
                at += 1;
                match byte {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.checked_sub(1)?,
                    _ => {}
                }
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_divided_where_its_elements_end() {
        let check = |array: &str, expected: Option<&[(&str, bool)]>| {
            let found = elements(array).map(|elements| {
                let text = |it: Result<Row, SpoiledRow>| match it {
                    Ok(row) => (row.get().to_owned(), true),
                    Err(row) => (row.text().to_owned(), false),
                };
                elements.into_iter().map(text).collect::<Vec<_>>()
            });
            let expected = expected.map(|rows| {
                let rows = rows.iter();
                rows.map(|(text, good)| ((*text).to_owned(), *good))
                    .collect()
            });
            assert_eq!(found, expected, "{array}");
        };
        check("[]", Some(&[]));
        check(" [ 1 , true ] ", Some(&[("1", true), ("true", true)]));
        let spoiled = r#"{"a":NaN,"b":["]"]}"#;
        check(
            &format!(r#"[{{"a":"}}\\\"]"}},{spoiled},{{}}]"#),
            Some(&[(r#"{"a":"}\\\"]"}"#, true), (spoiled, false), ("{}", true)]),
        );
        check("[undefined]", Some(&[("undefined", false)]));
        for broken in ["", "[", "[1", "[1 2]", r#"["a]"#, "[{]", "{}", "[,]"] {
            check(broken, None);
        }
    }

    #[test]
    fn a_spoiled_row_is_named_and_read_without_what_spoils_it() {
        let check = |text: &str, id: Option<&str>, readable: &str| {
            let row = SpoiledRow(text.to_owned());
            assert_eq!(row.id().as_deref(), id, "{text}");
            assert_eq!(row.readable().unwrap().get(), readable, "{text}");
        };
        check(
            r#"{"id":"a","amount":NaN, "n" : {"x":[1]}, "inf":-Infinity}"#,
            Some("a"),
            r#"{"id":"a","n":{"x":[1]}}"#,
        );
        check(r#"{"amount":12,5,"id":"a"}"#, None, r#"{"amount":12}"#);
        check(
            r#"{"id":"a","amount":12,5}"#,
            Some("a"),
            r#"{"amount":12,"id":"a"}"#,
        );
        check(
            r#"{"id":7,"id":"b","x":undefined}"#,
            Some("b"),
            r#"{"id":"b"}"#,
        );
        check(r#"{"id":NaN}"#, None, "{}");
        check("NaN", None, "{}");
    }

    #[test]
    fn an_object_that_does_not_end_is_none() {
        assert!(object(r#"{"id":"a"}"#).is_some_and(|it| it.is_ok()));
        assert!(object(r#"{"id":"a","amount":NaN}"#).is_some_and(|it| it.is_err()));
        for other in ["", "[]", "NaN", r#"{"id":"a""#, r#"{"id":"a}"#, "{} {}"] {
            assert!(object(other).is_none(), "{other}");
        }
    }
}
