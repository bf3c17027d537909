//! What a run has found so far, and how it compares with what Belvo announced.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::held_account::{AccountDays, MAX_ACCOUNTS};
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
    /// Those among them that were not stored before.
    pub new_rows: u64,
    /// Rows that cannot, or must not.
    pub rejected_rows: u64,
    /// Those among them that are not of the link.
    pub foreign_rows: u64,
    /// How many more rows Belvo counts than could be had.
    pub miscount: i64,
    /// Rows of type INFLOW.
    pub inflow: u64,
    /// Rows of type OUTFLOW.
    pub outflow: u64,
    /// The earliest and the latest `value_date`.
    pub first_date: Option<Date>,
    pub last_date: Option<Date>,
    /// The days of each account's transactions.
    pub days: BTreeMap<String, AccountDays>,
    /// The first rejected rows: id, or position in the list, and why.
    pub rejected: BTreeMap<String, Code>,
}

impl Tally {
    /// Adds what another part of the list held.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.new_rows += other.new_rows;
        self.rejected_rows += other.rejected_rows;
        self.foreign_rows += other.foreign_rows;
        self.miscount = self.miscount.saturating_add(other.miscount);
        self.inflow += other.inflow;
        self.outflow += other.outflow;
        self.first_date = match (self.first_date, other.first_date) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last_date = self.last_date.max(other.last_date);
        for (account, days) in other.days {
            self.observe_days(&account, days);
        }
        let room = MAX_REJECTED.saturating_sub(self.rejected.len());
        self.rejected.extend(other.rejected.into_iter().take(room));
    }

    /// Adds days of an account.
    pub fn observe_days(&mut self, account: &str, days: AccountDays) {
        let has_room = self.days.len() < MAX_ACCOUNTS;
        match self.days.get_mut(account) {
            Some(known) => *known = known.and(days),
            None if has_room => {
                self.days.insert(account.to_owned(), days);
            }
            None => {}
        }
    }

    /// What Belvo would have announced, had it announced these rows.
    pub fn totals(&self, kind: ResourceKind) -> Totals {
        let dated = kind.is_dated();
        Totals {
            rows: Some(self.rows + self.rejected_rows),
            new_rows: None,
            inflow: dated.then_some(self.inflow),
            outflow: dated.then_some(self.outflow),
            first_date: self.first_date.filter(|_| dated),
            last_date: self.last_date.filter(|_| dated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fixtures::code;

    fn rejected(names: std::ops::Range<usize>) -> BTreeMap<String, Code> {
        names
            .map(|it| (format!("{it:03}"), code("no_id")))
            .collect()
    }

    #[test]
    fn parts_of_a_list_add_up() {
        let part = |rows, first: &str, last: &str| Tally {
            rows,
            new_rows: 2 * rows,
            rejected_rows: 10 * rows,
            foreign_rows: 5 * rows,
            miscount: 0,
            inflow: 100 * rows,
            outflow: 1000 * rows,
            first_date: first.parse().ok(),
            last_date: last.parse().ok(),
            ..Tally::default()
        };
        let check = |a: Tally, b: Tally, expected: Tally| {
            let mut sum = a;
            sum.add(b);
            assert_eq!(sum, expected);
        };
        let dated = || part(1, "2026-03-01", "2026-03-09");
        let later = || part(2, "2026-04-01", "2026-04-09");
        check(dated(), later(), part(3, "2026-03-01", "2026-04-09"));
        check(later(), dated(), part(3, "2026-03-01", "2026-04-09"));
        check(dated(), part(0, "", ""), dated());
        check(part(0, "", ""), dated(), dated());
    }

    #[test]
    fn fifty_rejected_rows_are_named() {
        let part = |names| Tally {
            rejected: rejected(names),
            ..Tally::default()
        };
        let mut sum = part(0..30);
        sum.add(part(30..45));
        assert_eq!(sum.rejected, rejected(0..45));
        sum.add(part(45..90));
        assert_eq!(sum.rejected, rejected(0..50));
    }

    #[test]
    fn movements_are_compared_by_count_direction_and_dates_and_other_rows_by_count() {
        let day = |day| Date::new(2026, 3, day).unwrap();
        let tally = Tally {
            rows: 5,
            new_rows: 1,
            rejected_rows: 2,
            foreign_rows: 1,
            miscount: 0,
            inflow: 3,
            outflow: 4,
            first_date: Some(day(1)),
            last_date: Some(day(9)),
            ..Tally::default()
        };
        let movements = Totals {
            rows: Some(7),
            new_rows: None,
            inflow: Some(3),
            outflow: Some(4),
            first_date: Some(day(1)),
            last_date: Some(day(9)),
        };
        let count = Totals {
            rows: Some(7),
            ..Totals::default()
        };
        for kind in ResourceKind::all() {
            let expected = match kind {
                ResourceKind::Transactions | ResourceKind::InvestmentTransactions => {
                    movements.clone()
                }
                ResourceKind::Owners
                | ResourceKind::Accounts
                | ResourceKind::Bills
                | ResourceKind::Investments => count.clone(),
            };
            assert_eq!(tally.totals(kind), expected, "{kind}");
        }
    }
}
