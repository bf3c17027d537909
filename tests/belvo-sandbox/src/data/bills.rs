//! Card bills: months run from the 6th to the 5th, and are due on the 15th.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use crate::{
    clock,
    data::{Profile, Stored, accounts::CARD, transactions::Transaction},
    json::{Money, Null, object},
};

/// The day of the month on which the card's period closes.
const CLOSING_DAY: i8 = 5;
/// The day of the same month on which the bill is due.
const DUE_DAY: i8 = 15;

/// The billing period that closes in this month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BillMonth {
    year: i16,
    month: i8,
}

impl BillMonth {
    /// The billing period of a card transaction on this date.
    pub fn of(day: Date) -> Self {
        if day.day() <= CLOSING_DAY {
            return Self {
                year: day.year(),
                month: day.month(),
            };
        }
        match day.month() {
            12 => Self {
                year: day.year().saturating_add(1),
                month: 1,
            },
            month => Self {
                year: day.year(),
                month: month + 1,
            },
        }
    }

    pub fn closing(self) -> Date {
        Date::new(self.year, self.month, CLOSING_DAY).unwrap_or(Date::MAX)
    }

    pub fn due(self) -> Date {
        Date::new(self.year, self.month, DUE_DAY).unwrap_or(Date::MAX)
    }

    /// Whether the bank had closed the period on this date.
    pub fn is_closed_on(self, day: Date) -> bool {
        self.closing() < day
    }

    /// The bill's name, such as `nov-2026`.
    pub fn name(self) -> String {
        const MONTHS: [&str; 12] = [
            "jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez",
        ];
        let index = usize::try_from(self.month - 1).unwrap_or(0);
        format!(
            "{}-{}",
            MONTHS.get(index).copied().unwrap_or("mes"),
            self.year
        )
    }

    pub fn id(self, profile: &Profile) -> Uuid {
        profile.row_id(self.seed(profile))
    }

    /// The bill's id at the bank.
    pub fn internal_identification(self, profile: &Profile) -> String {
        self.seed(profile).child("internal").hex()
    }

    fn seed(self, profile: &Profile) -> crate::random::Seed {
        let number = i64::from(self.year) * 12 + i64::from(self.month);
        profile.seed.child("bill").at(number.unsigned_abs())
    }
}

/// The last day of the period that closed most recently before this date.
pub fn last_closing(day: Date) -> Date {
    let month_before = BillMonth::of(clock::days_from(day, -31));
    let this_month = BillMonth::of(day.first_of_month());
    if this_month.is_closed_on(day) {
        this_month.closing()
    } else {
        month_before.closing()
    }
}

/// Sum of the card transactions of each closed period, in cents.
pub fn closed_totals(profile: &Profile, transactions: &[Transaction]) -> BTreeMap<BillMonth, i64> {
    let today = clock::day(profile.collected_at);
    let mut totals: BTreeMap<BillMonth, i64> = BTreeMap::new();
    for transaction in transactions {
        let (CARD, Some(day)) = (usize::from(transaction.account), transaction.value_date) else {
            continue;
        };
        let month = BillMonth::of(day);
        if month.is_closed_on(today) {
            let total = totals.entry(month).or_default();
            *total = total.saturating_sub(transaction.signed_cents());
        }
    }
    totals
}

pub fn closed_bills(
    profile: &Profile,
    card: Option<&Stored>,
    totals: &BTreeMap<BillMonth, i64>,
    seen: &mut BTreeMap<BillMonth, Timestamp>,
) -> Vec<Stored> {
    let mut bills: Vec<Stored> = totals
        .iter()
        .map(|(&month, &total)| {
            let created_at = *seen.entry(month).or_insert(profile.collected_at);
            bill(profile, card, month, total.max(0), created_at)
        })
        .collect();
    bills.sort_by_key(|bill| (bill.created_at, bill.id));
    bills
}

/// An additional bill of the card, in a month of the last year, to which no transaction belongs.
pub fn another(profile: &Profile, card: Option<&Stored>) -> Stored {
    let days_ago = profile.seed.child("month").between(40, 360);
    let month = BillMonth::of(clock::days_from(
        clock::day(profile.collected_at),
        -days_ago,
    ));
    let total = profile.seed.child("total").between(5_000, 900_000);
    bill(profile, card, month, total, profile.collected_at)
}

fn bill(
    profile: &Profile,
    card: Option<&Stored>,
    month: BillMonth,
    total: i64,
    created_at: Timestamp,
) -> Stored {
    let today = clock::day(profile.collected_at);
    let paid = object! {
        "type": "FULL",
        "payment_date": month.due(),
        "payment_mode": "DIRECT_DEBIT",
        "currency": "BRL",
        "amount": Money(total),
    };
    let text = object! {
        "id": month.id(profile),
        "created_at": clock::micros(created_at),
        "collected_at": clock::seconds(profile.collected_at),
        "account": card.map(|card| &card.text),
        "internal_identification": month.internal_identification(profile),
        "bill_name": month.name(),
        "due_date": month.due(),
        "currency": "BRL",
        "total_amount": Money(total),
        "minimum_amount": Money(total / 10),
        "is_installment": false,
        "finance_charges": [object! {
            "type": "NO_CHARGE",
            "additional_info": Null,
            "currency": "BRL",
            "amount": Money(0),
        }],
        "payments": (month.due() < today).then_some(paid).into_iter().collect::<Vec<_>>(),
    };
    Stored {
        id: month.id(profile),
        created_at,
        parent: card.map(|card| card.id),
        text: Arc::new(text),
    }
}
