//! Which links and users a row names: in `link` and `external_id`, its own and those of the account
//! or investment inside it.
//!
//! Owners, accounts and investment transactions name their link themselves, transactions and bills
//! in their account, investments nowhere (OpenAPI 1.223.0). Any of them may be null.

use std::collections::BTreeMap;

use domain::LinkId;
use domain::link::RowNames;
use serde_json::value::RawValue;

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// What Belvo embeds in rows.
const EMBEDDED: [&str; 2] = ["account", "investment"];

/// What a row says of whose it is. Of two members with one name the last one counts, as in what is
/// stored.
pub fn row_names(row: &RawValue) -> RowNames {
    let mut names = RowNames::default();
    if let Some(members) = members(row) {
        collect(&members, &mut names);
        for embedded in EMBEDDED {
            let embedded = members.get(embedded).and_then(|it| self::members(it));
            if let Some(embedded) = embedded {
                collect(&embedded, &mut names);
            }
        }
    }
    names
}

fn members(object: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(object.get()).ok()
}

fn collect(members: &Members<'_>, names: &mut RowNames) {
    if let Some(link) = value(members, "link") {
        match serde_json::from_str::<LinkId>(link.get()) {
            Ok(link) => {
                names.links.insert(link);
            }
            Err(_) => names.unreadable = true,
        }
    }
    if let Some(user) = value(members, "external_id") {
        // One of another form than a text is no user's either.
        let text: Option<String> = serde_json::from_str(user.get()).ok();
        names.users.insert(text.unwrap_or_default());
    }
}

/// A member that says something.
fn value<'a>(members: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    let value = members.get(name)?;
    (!["null", r#""""#].contains(&value.get())).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "30cb4806-6e00-48a4-91c9-ca55968576c8";
    const TWO: &str = "2f8ca7a1-c28f-46f2-bb41-21633099a280";

    /// `1` and `2` stand for links.
    #[track_caller]
    fn check(row: &str, links: &[&str], users: &[&str], unreadable: bool) {
        let row = row.replace("\"1\"", &format!("\"{ONE}\""));
        let row = row.replace("\"2\"", &format!("\"{}\"", TWO.to_uppercase()));
        let row: Box<RawValue> = serde_json::from_str(&row).unwrap();
        let expected = RowNames {
            links: links.iter().map(|it| LinkId::parse(it).unwrap()).collect(),
            users: users.iter().map(|it| (*it).to_owned()).collect(),
            unreadable,
        };
        assert_eq!(row_names(&row), expected, "{row}");
    }

    #[test]
    fn links_are_named_by_the_row_and_by_what_is_inside_it() {
        check(r#"{"id":"a","link":"1"}"#, &[ONE], &[], false);
        check(r#"{"account":{"link":"2"}}"#, &[TWO], &[], false);
        let both = r#"{"link":"1","investment":{"link":"2"},"account":{"link":"1"}}"#;
        check(both, &[ONE, TWO], &[], false);
        check(r#"{"l\u0069nk":"1"}"#, &[ONE], &[], false);
        check(r#"{"link":"1","link":"2"}"#, &[TWO], &[], false);
    }

    #[test]
    fn what_is_null_empty_or_elsewhere_names_no_link() {
        for row in [
            "{}",
            "[]",
            "7",
            r#"{"link":null,"account":null}"#,
            r#"{"link":"","account":{"link":null},"external_id":null}"#,
            r#"{"link_id":"1","merchant":{"link":"1"},"account":"1"}"#,
        ] {
            check(row, &[], &[], false);
        }
    }

    #[test]
    fn a_link_or_user_of_another_form_is_no_known_one() {
        for row in [
            r#"{"link":"somewhere"}"#,
            r#"{"link":7}"#,
            r#"{"link":{"id":"1"}}"#,
            r#"{"account":{"link":["1"]}}"#,
        ] {
            check(row, &[], &[], true);
        }
        check(r#"{"external_id":"u-1"}"#, &[], &["u-1"], false);
        let users = r#"{"external_id":7,"account":{"external_id":"u-2"}}"#;
        check(users, &[], &["", "u-2"], false);
    }
}
