//! What a read of a whole list found: which rows, how many, and what cannot be stored.

use std::collections::{BTreeMap, HashSet};

use belvo::Page;
use domain::event::Totals;
use domain::{Code, ExternalId, LinkId, ResourceKind};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{ResourceRow, Unstorable};

/// Objects named on the link; whoever looks needs some, not thousands.
const MAX_REJECTED: usize = 50;

/// What is read.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) link_id: LinkId,
    pub(crate) kind: ResourceKind,
    pub(crate) external_id: &'a ExternalId,
}

/// What one read of a whole list found.
#[derive(Default)]
pub(crate) struct Reading {
    /// Rows Belvo counts.
    count: u64,
    /// Rows that came, with repetitions.
    seen: u64,
    /// Rows that were new or had changed.
    pub(crate) written: u64,
    /// Different rows that can be stored.
    pub(crate) ids: HashSet<String>,
    /// Of those, rows of type INFLOW.
    inflow: u64,
    /// Of those, rows of type OUTFLOW.
    outflow: u64,
    /// Their earliest and latest `value_date`.
    dates: Option<(Date, Date)>,
    /// Rows that cannot.
    pub(crate) unstorable: u64,
    /// The first of those, by name, and why.
    pub(crate) rejected: BTreeMap<String, Code>,
}

impl Reading {
    /// Turns a page into rows, and keeps by name what cannot be stored.
    pub(crate) fn take(&mut self, page: &Page, target: Target<'_>) -> Vec<ResourceRow> {
        self.count = page.count;
        let mut rows = Vec::with_capacity(page.rows.len());
        for object in &page.rows {
            self.seen += 1;
            match ResourceRow::new(target.kind, target.link_id, target.external_id, object) {
                Ok(row) => {
                    if self.ids.insert(row.id.clone()) {
                        self.add_up(&row);
                    }
                    rows.push(row);
                }
                Err(reason) => self.reject(object, reason),
            }
        }
        rows
    }

    fn reject(&mut self, object: &RawValue, reason: Unstorable) {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        self.unstorable += 1;
        if self.rejected.len() < MAX_REJECTED {
            let named: Option<Named> = serde_json::from_str(object.get()).ok();
            let name = named.map(|named| named.id);
            // Neither nothing nor a novel may become a name on the link.
            let name = name.filter(|id| (1..=64).contains(&id.len()));
            let name = name.unwrap_or_else(|| format!("row {}", self.seen));
            self.rejected
                .insert(name, Code::lenient(&reason.to_string()));
        }
    }

    fn add_up(&mut self, row: &ResourceRow) {
        match row.flow() {
            Some("INFLOW") => self.inflow += 1,
            Some("OUTFLOW") => self.outflow += 1,
            _ => {}
        }
        if let Some(date) = row.value_date() {
            let (first, last) = self.dates.unwrap_or((date, date));
            self.dates = Some((first.min(date), last.max(date)));
        }
    }

    /// What Belvo would have announced, had it announced this.
    pub(crate) fn totals(&self, kind: ResourceKind) -> Totals {
        let rows = Some(self.ids.len() as u64 + self.unstorable);
        match kind {
            ResourceKind::Transactions | ResourceKind::InvestmentTransactions => Totals {
                rows,
                inflow: Some(self.inflow),
                outflow: Some(self.outflow),
                first_date: self.dates.map(|(first, _)| first),
                last_date: self.dates.map(|(_, last)| last),
            },
            ResourceKind::Owners
            | ResourceKind::Accounts
            | ResourceKind::Bills
            | ResourceKind::Investments => Totals {
                rows,
                ..Totals::default()
            },
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.ids.len() as u64 + self.unstorable >= self.count
    }
}
