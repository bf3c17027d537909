//! What a run has found so far, and how it compares with what Belvo announced.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::event::Totals;
use crate::resource::ResourceKind;

/// Rejected rows named on LINK; a person who looks needs some, not thousands.
pub const MAX_REJECTED: usize = 50;

/// What a run has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Rows that can be stored.
    pub rows: u64,
    /// Rows that cannot.
    pub rejected_rows: u64,
    /// Rows of type INFLOW.
    pub inflow: u64,
    /// Rows of type OUTFLOW.
    pub outflow: u64,
    /// The earliest and the latest `value_date`.
    pub first_date: Option<Date>,
    pub last_date: Option<Date>,
    /// The first rejected rows: id, or position in the list, and why.
    pub rejected: BTreeMap<String, Code>,
}

impl Tally {
    /// Adds what another part of the list held.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.rejected_rows += other.rejected_rows;
        self.inflow += other.inflow;
        self.outflow += other.outflow;
        self.first_date = match (self.first_date, other.first_date) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last_date = self.last_date.max(other.last_date);
        let room = MAX_REJECTED.saturating_sub(self.rejected.len());
        self.rejected.extend(other.rejected.into_iter().take(room));
    }

    /// What Belvo would have announced, had it announced these rows.
    pub fn totals(&self, kind: ResourceKind) -> Totals {
        let rows = Some(self.rows + self.rejected_rows);
        match kind {
            ResourceKind::Transactions | ResourceKind::InvestmentTransactions => Totals {
                rows,
                inflow: Some(self.inflow),
                outflow: Some(self.outflow),
                first_date: self.first_date,
                last_date: self.last_date,
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
}
