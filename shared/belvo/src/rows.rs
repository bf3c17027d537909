//! Rows as Belvo wrote them, JSON or not.

use domain::json::{self, Members};
use serde_json::value::RawValue;

/// An object as Belvo wrote it.
pub type Row = Box<RawValue>;

/// A row that is not JSON. It has no `Debug`, because printing it would print bank data.
pub struct SpoiledRow(String);

impl SpoiledRow {
    /// A row that may not come to its end.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Belvo's id of it, if that can be made out.
    pub fn id(&self) -> Option<String> {
        Members::beginning(&self.0)?.text("id")
    }

    /// The row as Belvo wrote it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The row without those of its members that are not JSON.
    pub(crate) fn readable(&self) -> Option<Row> {
        let members = Members::beginning(&self.0).unwrap_or_default();
        serde_json::value::to_raw_value(&members.readable()).ok()
    }
}

/// An object, whether it is JSON or not; `None` if it is none, or does not end.
pub(crate) fn object(text: &str) -> Option<Result<Row, SpoiledRow>> {
    Some(row(json::whole(text)?))
}

/// The row that a text is, JSON or not.
pub(crate) fn row(text: &str) -> Result<Row, SpoiledRow> {
    serde_json::from_str(text).map_err(|_| SpoiledRow::of(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoiled_row_is_named_and_read_without_what_spoils_it() {
        let check = |text: &str, id: Option<&str>, readable: &str| {
            let row = SpoiledRow::of(text);
            assert_eq!(row.id().as_deref(), id, "{text}");
            assert_eq!(row.readable().unwrap().get(), readable, "{text}");
        };
        check(
            r#"{"id":"a","amount":NaN, "n" : {"x":[1]}, "inf":-Infinity}"#,
            Some("a"),
            r#"{"id":"a","n":{"x":[1]}}"#,
        );
        check(r#"{"amount":12,5,"id":"a"}"#, Some("a"), r#"{"id":"a"}"#);
        check(
            r#"{"id":7,"id":"b","x":undefined}"#,
            Some("b"),
            r#"{"id":"b"}"#,
        );
        check(r#"{"id":NaN}"#, None, "{}");
        check(
            r#"{"id":"c","x":"TV 50" LG"}]"#,
            Some("c"),
            r#"{"id":"c","x":"TV 50"}"#,
        );
        check(r#"{"x":{"y":"TV 50" LG"},"id":"c"}"#, None, "{}");
        check("NaN", None, "{}");
    }
}
