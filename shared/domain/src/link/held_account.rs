//! An account on LINK: the days of which its transactions are stored, and the same account in other
//! links of the person at the bank. Ids alone are kept.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::LinkId;

/// Accounts that are kept on LINK, whose size DynamoDB limits. A person has fewer at a bank.
pub const MAX_ACCOUNTS: usize = 500;

/// An account of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldAccount {
    /// The days of its stored transactions; `None` if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<AccountDays>,
    /// The id of the same account in other links, by link.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub same_as: BTreeMap<LinkId, String>,
}

/// The first and the last day of an account's transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDays {
    pub first: Date,
    pub last: Date,
}

impl AccountDays {
    /// The one day.
    pub fn of(day: Date) -> Self {
        let (first, last) = (day, day);
        Self { first, last }
    }

    pub(super) fn contains(self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// The days that are among both.
    pub(super) fn of_both(self, other: Self) -> Option<Self> {
        let first = self.first.max(other.first);
        let last = self.last.min(other.last);
        (first <= last).then_some(Self { first, last })
    }

    /// The days from the earlier first one to the later last one.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}
