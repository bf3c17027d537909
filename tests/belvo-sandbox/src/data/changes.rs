//! Changes at the bank between two collections: rows come, change and vanish.
//!
//! A number asks for every kind of change that makes synchronization hard: pending rows that
//! settle, backdated rows, twins, corrections. A list asks for exactly its rows.

use std::{cmp::Reverse, collections::HashSet, sync::Arc};

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    clock,
    data::{
        LinkData,
        finder::Finder,
        transactions::{self, Transaction},
    },
    json::Fields,
};

/// The wished rows of one change.
#[derive(Debug, Clone)]
pub enum Wanted<T> {
    /// A number of rows that the sandbox chooses.
    Count(u64),
    /// Exactly these rows.
    These(Vec<T>),
}

#[derive(Debug, Clone)]
pub struct Changes {
    /// New rows, with the top-level fields that must have a certain value.
    pub add: Wanted<Fields>,
    /// Changed rows: `id`, and the top-level fields to replace.
    pub update: Wanted<Fields>,
    /// Ids of the rows that vanish.
    pub delete: Wanted<Uuid>,
}

#[derive(Debug, Default)]
pub struct Touched {
    pub added: Vec<Uuid>,
    pub updated: Vec<Uuid>,
    pub deleted: Vec<Uuid>,
}

impl Changes {
    /// Parses `add`, `update` and `delete` of a request.
    ///
    /// # Errors
    /// Which of them is wrong, and why.
    pub fn read(
        add: Option<&RawValue>,
        update: Option<&RawValue>,
        delete: Option<&RawValue>,
    ) -> Result<Self, String> {
        let id_of = |text: &RawValue| {
            serde_json::from_str::<Uuid>(text.get()).map_err(|why| why.to_string())
        };
        Ok(Self {
            add: Wanted::read("add", add, read_fields)?,
            update: Wanted::read("update", update, read_fields)?,
            delete: Wanted::read("delete", delete, id_of)?,
        })
    }
}

impl<T> Wanted<T> {
    /// Parses a number or a list; an absent member means no change.
    fn read(
        name: &str,
        text: Option<&RawValue>,
        row: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Result<Self, String> {
        let Some(text) = text else {
            return Ok(Self::Count(0));
        };
        if let Ok(count) = serde_json::from_str(text.get()) {
            return Ok(Self::Count(count));
        }
        let rows: Vec<Box<RawValue>> = serde_json::from_str(text.get())
            .map_err(|_| format!("{name} must be a number of rows or a list"))?;
        let rows: Result<_, _> = rows.iter().map(|text| row(text)).collect();
        Ok(Self::These(rows.map_err(|why| format!("{name}: {why}"))?))
    }
}

/// Parses the fields of a row and keeps each value's text.
fn read_fields(text: &RawValue) -> Result<Fields, String> {
    let fields: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text.get()).map_err(|_| "each row must be an object")?;
    let own = |(key, value): (String, Box<RawValue>)| (key, value.get().to_owned());
    Ok(fields.into_iter().map(own).collect())
}

impl LinkData {
    /// Makes the changes at this time.
    ///
    /// # Errors
    /// Which row or field is wrong. Nothing has changed then.
    pub fn change(&mut self, changes: Changes, now: Timestamp) -> Result<Touched, String> {
        let mut rows = self.transactions.clone();
        let mut touched = Touched::default();
        match changes.update {
            Wanted::These(list) => {
                for mut fields in list {
                    let id = read(&fields, "id")?.ok_or("update: each row needs its id")?;
                    fields.remove("id");
                    let row = find(&mut rows, id)?;
                    self.say(row, fields)?;
                    row.collected_at = now;
                    touched.updated.push(id);
                }
            }
            Wanted::Count(count) => {
                for id in freshest(&rows, &touched, count) {
                    self.settle(find(&mut rows, id)?, now);
                    touched.updated.push(id);
                }
            }
        }
        touched.deleted = match changes.delete {
            Wanted::Count(count) => freshest(&rows, &touched, count),
            Wanted::These(ids) => ids,
        };
        for id in &touched.deleted {
            find(&mut rows, *id)?;
        }
        let gone: HashSet<Uuid> = touched.deleted.iter().copied().collect();
        rows.retain(|row| !gone.contains(&row.id));
        let new = match changes.add {
            Wanted::Count(count) => (0..count).map(|number| self.new_row(number, now)).collect(),
            Wanted::These(list) => self.said_rows(list, now)?,
        };
        touched.added = new.iter().map(|row| row.id).collect();
        rows.extend(new);
        rows.sort_by_key(|row| (row.created_at, row.id));
        self.transactions = rows;
        self.finder = Finder::default();
        self.changes_made += 1;
        Ok(touched)
    }

    fn said_rows(&self, list: Vec<Fields>, now: Timestamp) -> Result<Vec<Transaction>, String> {
        let mut rows = Vec::new();
        for (number, fields) in list.into_iter().enumerate() {
            let mut row = self.plain_row(number as u64, 0, now);
            self.say(&mut row, fields)?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// Every fifth row is backdated, every seventh is the twin of the one before, every second is
    /// pending.
    fn new_row(&self, number: u64, now: Timestamp) -> Transaction {
        let backdated = number % 5 == 4;
        let days_ago = if backdated {
            30 + number as i64 % 30
        } else {
            number as i64 % 3
        };
        let mut row = self.plain_row(number, days_ago, now);
        if number % 7 == 6 {
            let twin = self.new_row(number - 1, now);
            row = Transaction {
                id: row.id,
                created_at: row.created_at,
                ..twin
            };
        } else {
            row.pending = !backdated && number.is_multiple_of(2);
        }
        row
    }

    fn plain_row(&self, number: u64, days_ago: i64, now: Timestamp) -> Transaction {
        let profile = &self.profile;
        let seed = profile.seed.child("added").at(self.changes_made).at(number);
        let day = clock::days_from(clock::day(now), -days_ago);
        let account = transactions::account(seed);
        let mut row = transactions::row(profile, seed, account, day, now);
        let later = SignedDuration::from_micros(i64::try_from(number).unwrap_or(0));
        row.created_at = now.checked_add(later).unwrap_or(now);
        row
    }

    /// A change that a bank makes to a recent row: it settles the row or corrects it.
    fn settle(&self, row: &mut Transaction, now: Timestamp) {
        let seed = row.seed.child("settled").at(self.changes_made);
        row.collected_at = now;
        if !row.pending || seed.one_in(3) {
            row.cents = row.cents.saturating_add(seed.child("more").between(1, 990));
        }
        row.pending = false;
        let mut said = row.said.as_deref().cloned().unwrap_or_default();
        said.remove("status");
        said.remove("amount");
        said.insert("observations".into(), "\"Lançamento confirmado\"".into());
        row.said = Some(Arc::new(said));
    }

    /// Sets the fields, and updates the facts that depend on them.
    fn say(&self, row: &mut Transaction, mut fields: Fields) -> Result<(), String> {
        if let Some(id) = read(&fields, "id")? {
            row.id = id;
        }
        if let Some(id) = read::<Uuid>(&fields, "account")? {
            let account = self
                .accounts
                .all()
                .iter()
                .position(|account| account.id == id);
            let account = account.ok_or_else(|| format!("account {id} is not of this link"))?;
            row.account = u8::try_from(account).unwrap_or(0);
            fields.remove("account");
        }
        if fields.contains_key("value_date") {
            row.value_date = read::<Option<Date>>(&fields, "value_date")?.flatten();
        }
        if let Some(moment) = read(&fields, "created_at")? {
            row.created_at = moment;
        }
        if let Some(moment) = read(&fields, "collected_at")? {
            row.collected_at = moment;
        }
        if let Some(status) = read::<Option<String>>(&fields, "status")? {
            row.pending = status.as_deref() == Some("PENDING");
        }
        if let Some(direction) = read::<Option<String>>(&fields, "type")? {
            row.inflow = direction.as_deref() == Some("INFLOW");
        }
        if let Some(amount) = fields.get("amount") {
            row.cents = cents(amount).ok_or_else(|| format!("not an amount: {amount}"))?;
        }
        let mut said = row.said.as_deref().cloned().unwrap_or_default();
        said.extend(fields);
        row.said = Some(Arc::new(said));
        Ok(())
    }
}

/// Cents of a JSON number. Further digits remain in the row's own text only.
fn cents(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = fraction.chars().chain("00".chars()).take(2).collect();
    format!("{whole}{digits}").parse().ok()
}

/// Reads a field; none if it is absent.
///
/// # Errors
/// Why the value is wrong.
pub fn read<T: DeserializeOwned>(fields: &Fields, key: &str) -> Result<Option<T>, String> {
    let Some(text) = fields.get(key) else {
        return Ok(None);
    };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|why| format!("{key}: {why}"))
}

fn find(rows: &mut [Transaction], id: Uuid) -> Result<&mut Transaction, String> {
    rows.iter_mut()
        .find(|row| row.id == id)
        .ok_or_else(|| format!("no transaction {id}"))
}

/// The pending rows, then the newest, without those that this change has already touched.
fn freshest(rows: &[Transaction], touched: &Touched, count: u64) -> Vec<Uuid> {
    let mut candidates: Vec<&Transaction> = rows
        .iter()
        .filter(|row| !touched.updated.contains(&row.id))
        .collect();
    candidates.sort_by_key(|row| (Reverse(row.pending), Reverse(row.value_date), row.id));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    candidates
        .into_iter()
        .take(count)
        .map(|row| row.id)
        .collect()
}
