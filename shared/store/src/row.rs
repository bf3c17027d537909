//! A Belvo object as it is stored: its key, its hash, its references.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{DateRange, ExternalId, LinkId, ResourceKind};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::value::{self, Unstorable};

/// AWS, "Service, account, and table quotas": 400 KB, keys and names included.
const MAX_SIZE: usize = 400 * 1024;

/// What stands in the key of a movement without a usable `value_date`; sorts before every date.
const NO_DATE: &str = "0000-00-00";

/// Sorts after [`NO_DATE`] and before every other date.
const FIRST_DATE: Date = Date::constant(0, 1, 1);

/// Fields that differ at every read though nothing happened.
const READ_MARKS: [&str; 2] = ["collected_at", "last_accessed_at"];

/// An object ready to be written. It has no `Debug`: whatever prints it prints somebody's data.
#[derive(Clone)]
pub struct ResourceRow {
    /// Belvo's id.
    pub id: String,
    /// The sort key.
    pub(crate) record: String,
    /// Over the content without what changes at every read.
    pub(crate) hash: [u8; 16],
    /// The whole item.
    pub(crate) item: HashMap<String, AttributeValue>,
    /// The account or investment that Belvo had embedded.
    parent: Option<HashMap<String, AttributeValue>>,
}

impl ResourceRow {
    /// Prepares an object of a link.
    pub fn new(
        kind: ResourceKind,
        link_id: LinkId,
        external_id: &ExternalId,
        object: &RawValue,
    ) -> Result<Self, Unstorable> {
        let AttributeValue::M(data) = value::from_json(object)? else {
            return Err(Unstorable::NotAnObject);
        };
        Self::from_data(kind, link_id, external_id, data)
    }

    fn from_data(
        kind: ResourceKind,
        link_id: LinkId,
        external_id: &ExternalId,
        mut data: HashMap<String, AttributeValue>,
    ) -> Result<Self, Unstorable> {
        let id = id_of(&data)?;
        let parent = parent_of(kind).and_then(|(_, name)| refer(&mut data, name));
        let record = record_of(kind, &data, &id);
        let data = AttributeValue::M(data);
        let hash = hash(&data);
        let text = |text: String| AttributeValue::S(text);
        let mut item = HashMap::from([
            ("link_id".to_owned(), text(link_id.to_string())),
            ("record".to_owned(), text(record.clone())),
            ("external_id".to_owned(), text(external_id.to_string())),
            ("hash".to_owned(), AttributeValue::B(Blob::new(hash))),
            ("data".to_owned(), data),
        ]);
        if kind == ResourceKind::Accounts {
            // Puts the account into the index of everything a user has connected.
            item.insert(
                "user_record".to_owned(),
                text(format!("{link_id}#{record}")),
            );
        }
        if value::item_size(&item) > MAX_SIZE {
            return Err(Unstorable::TooLarge);
        }
        Ok(Self {
            id,
            record,
            hash,
            item,
            parent,
        })
    }

    /// The id of the account or investment this row refers to.
    pub fn parent_id(&self) -> Option<&str> {
        self.parent
            .as_ref()?
            .get("id")?
            .as_s()
            .ok()
            .map(String::as_str)
    }

    /// The account or investment this row refers to, as it was embedded in it.
    pub fn parent(
        &self,
        kind: ResourceKind,
        link_id: LinkId,
        external_id: &ExternalId,
    ) -> Option<Self> {
        let data = self.parent.clone()?;
        let (parent_kind, _) = parent_of(kind)?;
        Self::from_data(parent_kind, link_id, external_id, data).ok()
    }

    /// When Belvo stored the object first.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.text("created_at")?.parse().ok()
    }

    /// `value_date` of a movement, if it is a date.
    pub fn value_date(&self) -> Option<Date> {
        self.text("value_date")?.get(..10)?.parse().ok()
    }

    /// `INFLOW` or `OUTFLOW` of a movement.
    pub fn flow(&self) -> Option<&str> {
        self.text("type")
    }

    fn text(&self, name: &str) -> Option<&str> {
        let data = self.item.get("data")?.as_m().ok()?;
        Some(data.get(name)?.as_s().ok()?.as_str())
    }
}

/// What Belvo embeds in each object of a resource: an object of which resource, under which name.
pub fn parent_of(kind: ResourceKind) -> Option<(ResourceKind, &'static str)> {
    match kind {
        ResourceKind::Transactions | ResourceKind::Bills => {
            Some((ResourceKind::Accounts, "account"))
        }
        ResourceKind::InvestmentTransactions => Some((ResourceKind::Investments, "investment")),
        ResourceKind::Owners | ResourceKind::Accounts | ResourceKind::Investments => None,
    }
}

/// The first and the last key a row of these days can have.
pub(crate) fn key_range(kind: ResourceKind, days: DateRange) -> (String, String) {
    // `$` follows `#`, so it comes after every id of a day.
    match (days.from, days.to) {
        (None, None) => (format!("{kind}#"), format!("{kind}$")),
        // The year 0 comes after rows without a date and before those with one.
        (from, to) => (
            format!("{kind}#{}#", from.unwrap_or(FIRST_DATE)),
            to.map_or_else(|| format!("{kind}$"), |to| format!("{kind}#{to}$")),
        ),
    }
}

/// An id becomes part of a key, where `#` separates.
fn id_of(data: &HashMap<String, AttributeValue>) -> Result<String, Unstorable> {
    match data.get("id") {
        Some(AttributeValue::S(id)) if (1..=128).contains(&id.len()) && !id.contains('#') => {
            Ok(id.clone())
        }
        _ => Err(Unstorable::NoId),
    }
}

fn record_of(kind: ResourceKind, data: &HashMap<String, AttributeValue>, id: &str) -> String {
    match kind {
        ResourceKind::Transactions | ResourceKind::InvestmentTransactions => {
            let date = match data.get("value_date") {
                Some(AttributeValue::S(text)) => text.get(..10).filter(|day| is_date(day)),
                _ => None,
            };
            format!("{kind}#{}#{id}", date.unwrap_or(NO_DATE))
        }
        ResourceKind::Owners
        | ResourceKind::Accounts
        | ResourceKind::Bills
        | ResourceKind::Investments => format!("{kind}#{id}"),
    }
}

fn is_date(text: &str) -> bool {
    text.parse::<Date>().is_ok()
}

/// Belvo embeds the whole account in each of its transactions. It has a record of its own, so here
/// its id is enough; that halves the cost of a write. An embedded object without id stays.
fn refer(
    data: &mut HashMap<String, AttributeValue>,
    name: &str,
) -> Option<HashMap<String, AttributeValue>> {
    let embedded = data.get(name)?.as_m().ok()?;
    let id = embedded.get("id").filter(|id| id.is_s())?.clone();
    data.insert(format!("{name}_id"), id);
    match data.remove(name) {
        Some(AttributeValue::M(embedded)) => Some(embedded),
        _ => None,
    }
}

/// Over everything but what changes at every read.
pub(crate) fn hash(data: &AttributeValue) -> [u8; 16] {
    let mut digest = Sha256::new();
    feed(data, &mut digest);
    let mut hash = [0; 16];
    for (slot, byte) in hash.iter_mut().zip(digest.finalize()) {
        *slot = byte;
    }
    hash
}

/// A type mark and a length before each content, so that no two values feed the same bytes.
fn feed(value: &AttributeValue, digest: &mut Sha256) {
    let mut mark = |kind: u8, length: usize| {
        digest.update([kind]);
        digest.update((length as u64).to_be_bytes());
    };
    match value {
        AttributeValue::M(map) => {
            let sorted: BTreeMap<_, _> = map
                .iter()
                .filter(|(name, _)| !READ_MARKS.contains(&name.as_str()))
                .collect();
            mark(b'M', sorted.len());
            for (name, member) in sorted {
                feed(&AttributeValue::S(name.clone()), digest);
                feed(member, digest);
            }
        }
        AttributeValue::L(list) => {
            mark(b'L', list.len());
            for element in list {
                feed(element, digest);
            }
        }
        AttributeValue::S(text) => {
            mark(b'S', text.len());
            digest.update(text);
        }
        AttributeValue::N(number) => {
            mark(b'N', number.len());
            digest.update(number);
        }
        AttributeValue::Bool(flag) => mark(b'B', usize::from(*flag)),
        _ => mark(b'0', 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "30cb4806-6e00-48a4-91c9-ca55968576c8";

    fn row(kind: ResourceKind, json: &str) -> Result<ResourceRow, Unstorable> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        ResourceRow::new(
            kind,
            LinkId::parse(LINK).unwrap(),
            &ExternalId::parse("0190f3c6-7d5c-7bb2-9c40-1d4c4a3c0a11").unwrap(),
            &raw,
        )
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
            let (first, last) = key_range(Transactions, days);
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
            value::to_json(&row.item["data"]),
            r#"{"account_id":"a1","amount":2,"id":"t1"}"#
        );
        assert_eq!(row.parent_id(), Some("a1"));
        let user = ExternalId::parse("0190f3c6-7d5c-7bb2-9c40-1d4c4a3c0a11").unwrap();
        let link = LinkId::parse(LINK).unwrap();
        let parent = row.parent(ResourceKind::Transactions, link, &user).unwrap();
        assert_eq!(parent.record, "ACCOUNTS#a1");
        assert_eq!(
            value::to_json(&parent.item["data"]),
            r#"{"balance":{"current":1},"id":"a1"}"#
        );
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
    fn a_typical_deposit_transaction_fits_into_one_write_unit() {
        let transaction = include_str!("../samples/deposit_transaction.json");
        let item = prepared(ResourceKind::Transactions, transaction).item;
        let size = value::item_size(&item);
        assert!(size <= 1024, "{size} bytes");
    }

    #[test]
    fn a_typical_card_transaction_fits_into_two_write_units() {
        let transaction = include_str!("../samples/card_transaction.json");
        let item = prepared(ResourceKind::Transactions, transaction).item;
        let size = value::item_size(&item);
        assert!(size <= 2048, "{size} bytes");
    }
}
