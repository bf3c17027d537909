//! A Belvo object as it is stored: its key, its hash, its references.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{DateRange, ExternalId, LinkId, ResourceKind};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::item::{self, Item, text_of};
use crate::value::{self, Unstorable};

/// AWS, "Service, account, and table quotas": 400 KB, keys and names included.
const MAX_SIZE: usize = 400 * 1024;

/// What an item has besides the members of the object: names, the longest `external_id`, the
/// longest sort key, hash.
const OVERHEAD: usize = 1024;

/// What stands in the key of a movement without a usable `value_date`; sorts before every date.
const NO_DATE: &str = "0000-00-00";

/// Sorts after [`NO_DATE`] and before every other date.
const FIRST_DATE: Date = Date::constant(0, 1, 1);

/// Fields that differ at every read though nothing happened.
const READ_MARKS: [&str; 2] = ["collected_at", "last_accessed_at"];

/// An object ready to be written. It has no `Debug`: whatever prints it prints bank data.
///
/// Whose it is stands nowhere on it: the store that writes it knows the user and the link.
#[derive(Clone)]
pub struct ResourceRow {
    /// Belvo's id.
    pub id: String,
    /// Its place among the rows of a link: `{KIND}#{id}`, or `{KIND}#{value_date}#{id}`.
    pub record: String,
    /// Over the content without what changes at every read.
    pub hash: [u8; 16],
    kind: ResourceKind,
    data: Item,
    /// The account or investment that Belvo had embedded.
    parent: Option<Item>,
}

impl ResourceRow {
    /// Prepares an object of a resource.
    ///
    /// # Errors
    /// When DynamoDB cannot hold the object, or it has no id that could be part of a key.
    pub fn new(kind: ResourceKind, object: &RawValue) -> Result<Self, Unstorable> {
        let AttributeValue::M(data) = value::from_json(object)? else {
            return Err(Unstorable::NotAnObject);
        };
        Self::from_data(kind, data)
    }

    fn from_data(kind: ResourceKind, mut data: Item) -> Result<Self, Unstorable> {
        let id = id_of(&data)?;
        // Answers add the link that the row lies under. Belvo documents no such member; one of its
        // own would stand there twice.
        data.remove("link_id");
        let parent = kind.parent().and_then(|(_, name)| refer(&mut data, name));
        if value::item_size(&data) > MAX_SIZE - OVERHEAD {
            return Err(Unstorable::TooLarge);
        }
        Ok(Self {
            record: record_of(kind, &data, &id),
            hash: hash(&data),
            id,
            kind,
            data,
            parent,
        })
    }

    /// The whole item, as it is stored under its user.
    pub fn item(&self, external_id: &ExternalId, link_id: LinkId) -> Item {
        let mut item = key(external_id, link_id, &self.record);
        item.extend(content(self.hash, self.data.clone()));
        item
    }

    /// The id of the account or investment this row refers to.
    pub fn parent_id(&self) -> Option<&str> {
        text_of(self.parent.as_ref()?, "id")
    }

    /// The account or investment this row refers to, as it was embedded in it.
    pub fn parent(&self) -> Option<Self> {
        let (kind, _) = self.kind.parent()?;
        Self::from_data(kind, self.parent.clone()?).ok()
    }

    /// When Belvo stored the object first.
    pub fn created_at(&self) -> Option<Timestamp> {
        text_of(&self.data, "created_at")?.parse().ok()
    }

    /// `value_date` of a movement, if it is a date.
    pub fn value_date(&self) -> Option<Date> {
        day(&self.data)?.parse().ok()
    }

    /// `INFLOW` or `OUTFLOW` of a movement.
    pub fn flow(&self) -> Option<&str> {
        text_of(&self.data, "type")
    }
}

/// The members of an item that hold Belvo's object, and its hash.
pub fn content(hash: [u8; 16], data: Item) -> Item {
    item::of([
        ("hash", AttributeValue::B(Blob::new(hash))),
        ("data", AttributeValue::M(data)),
    ])
}

/// The key of a row. Only here does it say which link it is of.
pub fn key(external_id: &ExternalId, link_id: LinkId, record: &str) -> Item {
    let record = sort_key(link_id, record);
    item::key(("external_id", external_id), ("record", record))
}

/// The sort key of a row of a link.
pub fn sort_key(link_id: LinkId, record: &str) -> String {
    format!("{link_id}#{record}")
}

/// The link of a sort key, and the row's place among the rows of that link.
pub fn parse_sort_key(key: &str) -> Option<(LinkId, &str)> {
    let (link_id, record) = key.split_once('#')?;
    Some((LinkId::parse(link_id).ok()?, record))
}

/// The first and the last place a row of these days can have among the rows of its link.
pub fn range(kind: ResourceKind, days: DateRange) -> (String, String) {
    // The year 0 comes after rows without a date and before those with one.
    let first = match (days.from, days.to) {
        (None, None) => format!("{kind}#"),
        (from, _) => format!("{kind}#{}#", from.unwrap_or(FIRST_DATE)),
    };
    // `$` follows `#`, so it comes after every id of a day.
    let last = days.to.map(|to| format!("{kind}#{to}$"));
    (first, last.unwrap_or_else(|| format!("{kind}$")))
}

/// An id becomes part of a key, where `#` separates.
fn id_of(data: &Item) -> Result<String, Unstorable> {
    let fits = |id: &&str| (1..=128).contains(&id.len()) && !id.contains('#');
    let id = text_of(data, "id").filter(fits);
    id.map(str::to_owned).ok_or(Unstorable::NoId)
}

fn record_of(kind: ResourceKind, data: &Item, id: &str) -> String {
    match kind {
        ResourceKind::Transactions | ResourceKind::InvestmentTransactions => {
            format!("{kind}#{}#{id}", day(data).unwrap_or(NO_DATE))
        }
        ResourceKind::Owners
        | ResourceKind::Accounts
        | ResourceKind::Bills
        | ResourceKind::Investments => format!("{kind}#{id}"),
    }
}

/// The day of a movement, if its `value_date` begins with one.
fn day(data: &Item) -> Option<&str> {
    let day = text_of(data, "value_date")?.get(..10);
    day.filter(|day| day.parse::<Date>().is_ok())
}

/// Belvo embeds the whole account in each of its transactions. It has a record of its own, so here
/// its id is enough; that halves the cost of a write. An embedded object without id stays.
fn refer(data: &mut Item, name: &str) -> Option<Item> {
    let embedded = data.get(name)?.as_m().ok()?;
    let id = embedded.get("id").filter(|id| id.is_s())?.clone();
    data.insert(format!("{name}_id"), id);
    match data.remove(name) {
        Some(AttributeValue::M(embedded)) => Some(embedded),
        _ => None,
    }
}

/// Over everything but what changes at every read.
pub fn hash(data: &Item) -> [u8; 16] {
    let mut digest = Sha256::new();
    feed_map(data, &mut digest);
    let hash = digest.finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

fn feed_map(map: &Item, digest: &mut Sha256) {
    let mut sorted: BTreeMap<_, _> = map.iter().collect();
    sorted.retain(|name, _| !READ_MARKS.contains(&name.as_str()));
    mark(b'M', sorted.len(), digest);
    for (name, member) in sorted {
        feed_text(b'S', name, digest);
        feed(member, digest);
    }
}

fn feed(value: &AttributeValue, digest: &mut Sha256) {
    match value {
        AttributeValue::M(map) => feed_map(map, digest),
        AttributeValue::L(list) => {
            mark(b'L', list.len(), digest);
            for element in list {
                feed(element, digest);
            }
        }
        AttributeValue::S(text) => feed_text(b'S', text, digest),
        AttributeValue::N(number) => feed_text(b'N', number, digest),
        AttributeValue::Bool(flag) => mark(b'B', usize::from(*flag), digest),
        _ => mark(b'0', 0, digest),
    }
}

fn feed_text(kind: u8, text: &str, digest: &mut Sha256) {
    mark(kind, text.len(), digest);
    digest.update(text);
}

/// A type mark and a length before each content, so that no two values feed the same bytes.
fn mark(kind: u8, length: usize, digest: &mut Sha256) {
    digest.update([kind]);
    digest.update((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "30cb4806-6e00-48a4-91c9-ca55968576c8";

    fn row(kind: ResourceKind, json: &str) -> Result<ResourceRow, Unstorable> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        ResourceRow::new(kind, &raw)
    }

    fn prepared(kind: ResourceKind, json: &str) -> ResourceRow {
        row(kind, json).ok().unwrap()
    }

    fn record(kind: ResourceKind, json: &str) -> String {
        prepared(kind, json).record
    }

    #[test]
    fn keys_follow_the_order_of_a_statement() {
        use ResourceKind::{Bills, InvestmentTransactions, Transactions};
        assert_eq!(
            record(Bills, r#"{"id":"b1","due_date":"2024-02-20"}"#),
            "BILLS#b1"
        );
        let check = |kind, json: &str, expected: &str| assert_eq!(record(kind, json), expected);
        check(
            Transactions,
            r#"{"id":"t1","value_date":"2024-02-20"}"#,
            "TRANSACTIONS#2024-02-20#t1",
        );
        check(
            InvestmentTransactions,
            r#"{"id":"t1","value_date":"2024-02-20T10:00:00Z"}"#,
            "INVESTMENT_TRANSACTIONS#2024-02-20#t1",
        );
        for odd in [
            "null",
            "\"\"",
            "\"soon\"",
            "7",
            "\"2024-13-40\"",
            "\"éééééééééé\"",
        ] {
            check(
                Transactions,
                &format!(r#"{{"id":"t1","value_date":{odd}}}"#),
                "TRANSACTIONS#0000-00-00#t1",
            );
        }
    }

    #[test]
    fn ranges_of_keys_hold_the_days_and_no_others() {
        use ResourceKind::{InvestmentTransactions, Transactions};
        let days = |from: &str, to: &str| DateRange {
            from: from.parse().ok(),
            to: to.parse().ok(),
        };
        let check = |days: DateRange, date: &str, expected: bool| {
            let object = format!(r#"{{"id":"t1","value_date":"{date}"}}"#);
            let key = record(Transactions, &object);
            let (first, last) = range(Transactions, days);
            assert_eq!(first <= key && key <= last, expected, "{days:?} {date}");
            let other = record(InvestmentTransactions, &object);
            assert!(!(first <= other && other <= last));
        };
        for date in ["", "0001-01-01", "2026-01-31", "9999-12-31"] {
            check(DateRange::ALL, date, true);
        }
        let january = days("2026-01-01", "2026-01-31");
        for (date, expected) in [
            ("", false),
            ("2025-12-31", false),
            ("2026-01-01", true),
            ("2026-01-31", true),
            ("2026-02-01", false),
        ] {
            check(january, date, expected);
        }
        check(days("", "2026-01-31"), "", false);
        check(days("", "2026-01-31"), "0001-01-01", true);
        check(days("2026-01-31", ""), "9999-12-31", true);
    }

    #[test]
    fn what_cannot_be_stored_is_named() {
        let check = |json: &str, expected: Unstorable| {
            assert_eq!(
                row(ResourceKind::Owners, json).err().unwrap(),
                expected,
                "{json}"
            );
        };
        check("[]", Unstorable::NotAnObject);
        check("{}", Unstorable::NoId);
        check(r#"{"id":null}"#, Unstorable::NoId);
        check(r#"{"id":7}"#, Unstorable::NoId);
        check(r#"{"id":"a#b"}"#, Unstorable::NoId);
        check(r#"{"id":"a","x":{"":1}}"#, Unstorable::EmptyName);
        let large = format!(r#"{{"id":"a","x":"{}"}}"#, "x".repeat(MAX_SIZE));
        check(&large, Unstorable::TooLarge);
    }

    #[test]
    fn times_are_read_in_every_form_belvo_writes_them() {
        for text in [
            "2024-02-20T13:01:41Z",
            "2024-02-20T13:01:41.000Z",
            "2024-02-20T13:01:41.000000Z",
            "2024-02-20T13:01:41.000000+00:00",
            "2024-02-20T10:01:41-03:00",
        ] {
            let object = format!(r#"{{"id":"t1","created_at":"{text}"}}"#);
            let row = prepared(ResourceKind::Transactions, &object);
            let expected = Timestamp::from_second(1_708_434_101).ok();
            assert_eq!(row.created_at(), expected, "{text}");
        }
    }

    #[test]
    fn an_embedded_account_becomes_a_reference() {
        let row = prepared(
            ResourceKind::Transactions,
            r#"{"id":"t1","account":{"id":"a1","balance":{"current":1}},"amount":2}"#,
        );
        assert_eq!(
            value::to_json(&AttributeValue::M(row.data.clone())),
            r#"{"account_id":"a1","amount":2,"id":"t1"}"#
        );
        assert_eq!(row.parent_id(), Some("a1"));
        let parent = row.parent().unwrap();
        assert_eq!(parent.record, "ACCOUNTS#a1");
        assert_eq!(
            value::to_json(&AttributeValue::M(parent.data)),
            r#"{"balance":{"current":1},"id":"a1"}"#
        );
    }

    #[test]
    fn a_member_named_like_one_of_ours_gives_way_to_it() {
        let row = prepared(
            ResourceKind::Transactions,
            r#"{"id":"t1","link_id":"x","account_id":"x","account":{"id":"a1","link_id":"x"}}"#,
        );
        let written = |data: &Item| value::to_json(&AttributeValue::M(data.clone()));
        assert_eq!(written(&row.data), r#"{"account_id":"a1","id":"t1"}"#);
        assert_eq!(written(&row.parent().unwrap().data), r#"{"id":"a1"}"#);
    }

    #[test]
    fn the_hash_changes_with_the_content_and_not_with_the_reading() {
        let hash = |json: &str| prepared(ResourceKind::Accounts, json).hash;
        let first =
            hash(r#"{"id":"a","collected_at":"1","balance":{"current":1,"collected_at":"1"}}"#);
        let again =
            hash(r#"{"balance":{"collected_at":"2","current":1},"id":"a","last_accessed_at":"2"}"#);
        let other = hash(r#"{"id":"a","balance":{"current":2}}"#);
        assert_eq!(first, again);
        assert_ne!(first, other);
        assert_ne!(
            hash(r#"{"id":"a","x":["1",""]}"#),
            hash(r#"{"id":"a","x":["","1"]}"#)
        );
    }

    #[test]
    fn a_key_names_the_link_and_comes_apart_again() {
        let link = LinkId::parse(LINK).unwrap();
        let user = ExternalId::parse("user-1").unwrap();
        let row = prepared(ResourceKind::Bills, r#"{"id":"b1"}"#);
        let item = row.item(&user, link);
        let sort_key = format!("{LINK}#BILLS#b1");
        assert_eq!(text_of(&item, "external_id"), Some("user-1"));
        assert_eq!(text_of(&item, "record"), Some(sort_key.as_str()));
        assert_eq!(parse_sort_key(&sort_key), Some((link, "BILLS#b1")));
        assert_eq!(parse_sort_key("BILLS#b1"), None);
    }

    /// Also for a user whose id is as long as most issuers make them.
    #[track_caller]
    fn fits(json: &str, bytes: usize) {
        let link = LinkId::parse(LINK).unwrap();
        let user = ExternalId::parse(&"u".repeat(64)).unwrap();
        let item = prepared(ResourceKind::Transactions, json).item(&user, link);
        let size = value::item_size(&item);
        assert!(size <= bytes, "{size} bytes");
    }

    #[test]
    fn a_typical_deposit_transaction_fits_into_one_write_unit() {
        fits(include_str!("../samples/deposit_transaction.json"), 1024);
    }

    #[test]
    fn a_typical_card_transaction_fits_into_two_write_units() {
        fits(include_str!("../samples/card_transaction.json"), 2048);
    }
}
