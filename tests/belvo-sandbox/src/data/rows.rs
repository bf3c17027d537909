//! The rows of one kind: the bank's version, and the fields a test has set.
//!
//! Every collection draws accounts and bills anew. The fields set by a test and the embedded rows
//! are therefore stored apart and applied each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    data::Stored,
    json::{Fields, Raw, with_fields},
};

/// The name of the field that embeds another row, and the rows it may embed.
pub type Parents<'a> = Option<(&'static str, &'a Rows)>;

#[derive(Debug, Clone, Default)]
pub struct Rows {
    drawn: Vec<Stored>,
    added: Vec<Stored>,
    said: BTreeMap<Uuid, Said>,
    gone: BTreeSet<Uuid>,
    /// All rows, including vanished ones: first the drawn ones in their order, then the added ones.
    all: Vec<Stored>,
    listed: Vec<Stored>,
}

/// A test's changes to a row.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Top-level fields, with their text kept.
    pub fields: Fields,
    /// Another row to embed.
    pub parent: Option<Uuid>,
}

impl Rows {
    /// Rows that are drawn only once.
    pub fn drawn(rows: Vec<Stored>) -> Self {
        let mut new = Self::default();
        new.draw(rows);
        new
    }

    /// The bank's current rows; they are visible after `dress`.
    pub fn draw(&mut self, rows: Vec<Stored>) {
        self.drawn = rows;
    }

    /// The rows of the list, oldest first.
    pub fn listed(&self) -> &[Stored] {
        &self.listed
    }

    /// All rows by position. Vanished ones are included, because others may still embed them.
    pub fn all(&self) -> &[Stored] {
        &self.all
    }

    pub fn find(&self, id: Uuid) -> Option<&Stored> {
        self.listed.iter().find(|row| row.id == id)
    }

    /// Adds a row. A vanished row with the same id comes back.
    ///
    /// # Errors
    /// If the list has the row already.
    pub fn add(&mut self, row: Stored, said: Said) -> Result<(), String> {
        if !self.gone.remove(&row.id) {
            let is_there = |other: &Stored| other.id == row.id;
            if self.drawn.iter().chain(&self.added).any(is_there) {
                return Err(format!("{} is there already", row.id));
            }
            self.added.push(row.clone());
        }
        self.say(row.id, said);
        Ok(())
    }

    pub fn say(&mut self, id: Uuid, said: Said) {
        let before = self.said.entry(id).or_default();
        before.fields.extend(said.fields);
        before.parent = said.parent.or(before.parent);
    }

    /// Removes a row from the list.
    pub fn remove(&mut self, id: Uuid) {
        self.gone.insert(id);
    }

    /// Applies the test's fields, and embeds the other rows.
    pub fn dress(&mut self, parents: Parents) {
        let drawn = self
            .drawn
            .iter()
            .map(|row| self.dressed(row, parents, false));
        let added = self
            .added
            .iter()
            .map(|row| self.dressed(row, parents, true));
        let all: Vec<Stored> = drawn.chain(added).collect();
        let there = |row: &&Stored| !self.gone.contains(&row.id);
        let mut listed: Vec<Stored> = all.iter().filter(there).cloned().collect();
        listed.sort_by_key(|row| row.created_at);
        (self.all, self.listed) = (all, listed);
    }

    fn dressed(&self, row: &Stored, parents: Parents, is_added: bool) -> Stored {
        let said = self.said.get(&row.id);
        let mut fields = said.map(|said| said.fields.clone()).unwrap_or_default();
        let parent = said.and_then(|said| said.parent).or(row.parent);
        if let (Some((name, parents)), Some(parent)) = (parents, parent) {
            // The bank's version embeds the bank's version of the other row.
            let is_old =
                is_added || row.parent != Some(parent) || parents.said.contains_key(&parent);
            let current = parents.all.iter().find(|row| row.id == parent);
            if let (true, Some(current)) = (is_old, current) {
                fields
                    .entry(name.into())
                    .or_insert_with(|| current.text.0.clone());
            }
        }
        if fields.is_empty() {
            return row.clone();
        }
        let created_at = fields
            .get("created_at")
            .and_then(|text| serde_json::from_str(text).ok());
        Stored {
            id: row.id,
            created_at: created_at.unwrap_or(row.created_at),
            parent,
            text: Arc::new(Raw(with_fields(&row.text.0, &fields))),
        }
    }
}
