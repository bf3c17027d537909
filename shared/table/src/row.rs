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
use crate::signed_address::unsigned;
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

/// Beside an object: that no list of Belvo's has given it, only another object that embeds it.
pub const ONLY_EMBEDDED: &str = "only_embedded";

/// Beside an object: since when Belvo's list lacks it, while that is not proven to be right.
pub const MISSING_SINCE: &str = "missing_since";

/// What can stand beside an object, and is shown with it.
const MARKS: [&str; 2] = [ONLY_EMBEDDED, MISSING_SINCE];

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
    /// Over the content without what changes at every read: marks of reading, signatures of addresses.
    pub hash: [u8; 16],
    /// Whether only another object of Belvo's is known to hold it.
    pub only_embedded: bool,
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
        // Answers add the link that the row lies under, and its marks. Belvo documents no such
        // members; one of its own would be taken for ours, or stand there twice.
        for name in MARKS.into_iter().chain(["link_id"]) {
            data.remove(name);
        }
        let parent = kind.parent().and_then(|(_, name)| {
            data.remove(&format!("{name}_id"));
            refer(&mut data, name)
        });
        if value::item_size(&data) > MAX_SIZE - OVERHEAD {
            return Err(Unstorable::TooLarge);
        }
        Ok(Self {
            record: record_of(kind, &data, &id),
            hash: hash(&data),
            id,
            only_embedded: false,
            kind,
            data,
            parent,
        })
    }

    /// The whole item, as it is stored under its user.
    pub fn item(&self, external_id: &ExternalId, link_id: LinkId) -> Item {
        let mut item = key(external_id, link_id, &self.record);
        item.extend(content(self.hash, self.data.clone()));
        if self.only_embedded {
            item.insert(ONLY_EMBEDDED.to_owned(), AttributeValue::Bool(true));
        }
        item
    }

    /// The id of the account or investment this row refers to.
    pub fn parent_id(&self) -> Option<&str> {
        text_of(self.parent.as_ref()?, "id")
    }

    /// The account or investment this row refers to, as it was embedded in it.
    pub fn parent(&self) -> Option<Self> {
        let (kind, _) = self.kind.parent()?;
        let parent = Self::from_data(kind, self.parent.clone()?).ok()?;
        Some(Self {
            only_embedded: true,
            ..parent
        })
    }

    /// When Belvo stored the object first.
    pub fn created_at(&self) -> Option<Timestamp> {
        domain::moment(text_of(&self.data, "created_at")?)
    }

    /// `value_date` of a movement, if it is a date.
    pub fn value_date(&self) -> Option<Date> {
        day(&self.data)?.parse().ok()
    }

    /// Whether it is a movement of an account.
    pub fn is_transaction(&self) -> bool {
        self.kind == ResourceKind::Transactions
    }

    /// `INFLOW` or `OUTFLOW` of a movement.
    pub fn flow(&self) -> Option<&str> {
        text_of(&self.data, "type")
    }
}

/// What stands beside the object of an item.
pub fn marks(item: &Item) -> Item {
    let marks = MARKS.iter();
    let marks = marks.filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone())));
    marks.collect()
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

/// The first and the last place of movements without a date among the rows of a link.
pub fn undated(kind: ResourceKind) -> (String, String) {
    (format!("{kind}#{NO_DATE}#"), format!("{kind}#{NO_DATE}$"))
}

/// The first and the last place of movements of these days, none of them without a date.
pub fn dated(kind: ResourceKind, days: DateRange) -> (String, String) {
    let from = days.from.unwrap_or(FIRST_DATE);
    let from = Some(from);
    range(kind, DateRange { from, ..days })
}

/// The day of a movement that has this place.
pub fn date(record: &str) -> Option<Date> {
    let day = record.split('#').nth(1).filter(|day| *day != NO_DATE)?;
    day.parse().ok()
}

/// Whether this is the place of a movement without a date.
pub fn is_undated(record: &str) -> bool {
    record.split('#').nth(1) == Some(NO_DATE)
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
        AttributeValue::S(text) => feed_text(b'S', &unsigned(text), digest),
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
mod tests;
