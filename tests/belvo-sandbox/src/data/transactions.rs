//! Transactions: stored as facts, rendered as Belvo's objects on request.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use crate::{
    clock,
    data::{
        LinkData, Profile, accounts,
        bills::BillMonth,
        catalogue::{self, Movement},
    },
    json::{Fields, Money, Null, Raw, object, with_fields},
    people,
    random::Seed,
};

/// Length of a new link's history in days: Belvo reads twelve months.
const HISTORY_DAYS: u64 = 365;
/// Belvo reads these last days anew at each refresh.
pub const FRESH_DAYS: i64 = 6;

/// The facts that filters, sums and sorting need.
#[derive(Debug, Clone)]
pub struct Transaction {
    pub id: Uuid,
    /// The seed of this row.
    pub seed: Seed,
    pub account: u8,
    /// Whether it is a credit.
    pub inflow: bool,
    /// Whether it is pending.
    pub pending: bool,
    /// Whether it is the salary, which has a description of its own.
    pub salary: bool,
    /// The date in UTC; absent only if a test removed it.
    pub value_date: Option<Date>,
    /// In cents, never negative.
    pub cents: i64,
    /// Belvo's `created_at`, the sort key.
    pub created_at: Timestamp,
    /// Belvo's `collected_at`.
    pub collected_at: Timestamp,
    /// The fields a test has set.
    pub said: Option<Arc<Fields>>,
}

impl Transaction {
    /// The amount with its sign.
    pub fn signed_cents(&self) -> i64 {
        if self.inflow {
            self.cents
        } else {
            self.cents.saturating_neg()
        }
    }

    pub fn status(&self) -> &'static str {
        if self.pending { "PENDING" } else { "PROCESSED" }
    }

    pub fn movement(&self, profile: &Profile) -> &'static Movement {
        if self.salary {
            return &catalogue::SALARY;
        }
        movement(profile, usize::from(self.account), self.seed)
    }
}

pub fn history(profile: &Profile, count: u64) -> Vec<Transaction> {
    let today = clock::day(profile.created_at);
    let days: Vec<Date> = (0..HISTORY_DAYS)
        .map(|day| clock::days_from(today, day as i64 - (HISTORY_DAYS as i64 - 1)))
        .collect();
    let mut rows = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let mut previous_day = u64::MAX;
    for index in 0..count {
        let day = (u128::from(index) * u128::from(HISTORY_DAYS) / u128::from(count)) as u64;
        let date = days.get(day as usize).copied().unwrap_or(today);
        // One row in fifty is the twin of the one before: same day, text and amount.
        let twin = day == previous_day && profile.seed.child("twin").at(index).one_in(50);
        let seed = profile
            .seed
            .child("transaction")
            .at(if twin { index - 1 } else { index });
        let salary = date.day() == 5 && day != previous_day && !profile.is_company();
        let account = if salary {
            accounts::CHECKING
        } else {
            account(seed)
        };
        let pending = day + 3 >= HISTORY_DAYS && seed.child("pending").one_in(2);
        let mut row = row(profile, seed, account, date, profile.created_at);
        row.id = profile.row_id(profile.seed.child("transaction id").at(index));
        row.created_at = micros_later(profile.created_at, index);
        row.pending = pending;
        if salary {
            row.salary = true;
            row.inflow = true;
            row.cents = profile
                .seed
                .child("salary")
                .between(catalogue::SALARY.low, catalogue::SALARY.high);
        }
        previous_day = day;
        rows.push(row);
    }
    rows
}

/// A row of this date, not pending.
pub fn row(
    profile: &Profile,
    seed: Seed,
    account: usize,
    day: Date,
    now: Timestamp,
) -> Transaction {
    let movement = movement(profile, account, seed);
    Transaction {
        id: profile.row_id(seed.child("id")),
        seed,
        account: u8::try_from(account).unwrap_or(0),
        inflow: movement.inflow,
        pending: false,
        salary: false,
        value_date: Some(day),
        cents: seed.child("amount").between(movement.low, movement.high),
        created_at: now,
        collected_at: now,
        said: None,
    }
}

pub fn write(data: &LinkData, row: &Transaction) -> String {
    let profile = &data.profile;
    let on_card = usize::from(row.account) == accounts::CARD;
    let movement = row.movement(profile);
    let day = row.value_date.unwrap_or_else(|| clock::day(row.created_at));
    let account = data
        .accounts
        .all()
        .get(usize::from(row.account))
        .map(|account| &account.text);
    let abroad = on_card && row.seed.child("abroad").one_in(40);
    let merchant = object! {
        "logo": Null,
        "website": Null,
        "merchant_name": movement.description,
    };
    let text = object! {
        "id": row.id,
        "internal_identification": internal_identification(row),
        "account": account,
        "collected_at": clock::micros(collected_at(profile, row, day)),
        "created_at": clock::micros(row.created_at),
        "value_date": row.value_date,
        "transacted_at": transacted_at(row, day),
        "accounting_date": on_card.then_some(day),
        "inferred_accounting_date": next_business_day(day),
        "amount": Money(row.cents),
        "local_currency_amount": abroad.then_some(Money(row.cents.saturating_mul(5))),
        "balance": Null,
        "currency": if abroad { "USD" } else { "BRL" },
        "description": description(row, movement),
        "observations": Null,
        "merchant": on_card.then_some(merchant),
        "category": movement.category,
        "subcategory": movement.subcategory,
        "reference": (!on_card).then(|| row.seed.child("reference").digits(6)),
        "type": if row.inflow { "INFLOW" } else { "OUTFLOW" },
        "status": row.status(),
        "credit_card_data": on_card.then(|| credit_card_data(profile, row, day)),
        "counterparty": movement.description.contains("{}").then(|| counterparty(row)),
        "loan_data": Null,
        "payment_type": on_card.then(|| if installments(row) > 1 { "INSTALLMENT" } else { "FULL" }),
        "operation_type": movement.operation,
        "operation_type_additional_info": Null,
        "mcc": movement.mcc,
    };
    match &row.said {
        Some(said) => with_fields(&text.0, said),
        None => text.0,
    }
}

fn credit_card_data(profile: &Profile, row: &Transaction, day: Date) -> Raw {
    let month = BillMonth::of(day);
    let bill = month
        .is_closed_on(clock::day(profile.collected_at))
        .then_some(month);
    let installments = installments(row);
    object! {
        "collected_at": clock::micros(row.collected_at),
        "bill_name": bill.map(BillMonth::name),
        "bill_due_date": bill.map(BillMonth::due),
        "bill_internal_identification": bill.map(|bill| bill.internal_identification(profile)),
        "bill_status": Null,
        "previous_bill_total": Null,
        "bill_amount": bill.map(|_| Money(row.cents)),
        "card_number": accounts::card_number(profile),
        "fee_type": Null,
        "fee_type_additional_info": Null,
        "credits_type": Null,
        "credits_type_additional_info": Null,
        "installment_identifier": if installments > 1 { "PARCELA_1" } else { "A_VISTA" },
        "number_of_installments": (installments > 1).then_some(installments),
        "credit_card_bill": bill.map(|bill| object! {
            "id": bill.id(profile),
            "internal_identification": bill.internal_identification(profile),
        }),
    }
}

/// Twins differ in their ids only.
fn internal_identification(row: &Transaction) -> String {
    let id = row.id.as_u128();
    Seed::new((id >> 64) as u64 ^ id as u64).hex()
}

fn counterparty(row: &Transaction) -> Raw {
    let person = row.seed.child("person").below(people::PEOPLE.len() as u64) as usize;
    object! {
        "type": "INDIVIDUAL",
        "document_number": people::PEOPLE.get(person).map(|person| person.cpf),
        "clearing_code": "903",
        "agency": row.seed.child("agency").digits(4),
        "check_digit": row.seed.child("digit").digits(1),
        "number": row.seed.child("number").digits(8),
    }
}

fn description(row: &Transaction, movement: &Movement) -> String {
    let name = row.seed.child("name").pick(&people::OTHERS, "Ana Prado");
    movement.description.replace("{}", &name.to_uppercase())
}

/// Some banks give a date without a time of day.
fn transacted_at(row: &Transaction, day: Date) -> String {
    let time = row.seed.child("time");
    if time.one_in(4) {
        return format!("{day}T00:00:00.000Z");
    }
    let (hour, minute) = (time.at(0).below(24), time.at(1).below(60));
    format!(
        "{day}T{hour:02}:{minute:02}:{:02}.{:03}Z",
        time.at(2).below(60),
        time.at(3).below(1000)
    )
}

/// A refresh reads the last days anew.
fn collected_at(profile: &Profile, row: &Transaction, day: Date) -> Timestamp {
    let fresh_since = clock::days_from(clock::day(profile.collected_at), -FRESH_DAYS);
    if day >= fresh_since {
        profile.collected_at
    } else {
        row.collected_at
    }
}

fn next_business_day(day: Date) -> Date {
    match day.weekday() {
        jiff::civil::Weekday::Saturday => clock::days_from(day, 2),
        jiff::civil::Weekday::Sunday => clock::days_from(day, 1),
        _ => day,
    }
}

fn installments(row: &Transaction) -> i64 {
    if row.seed.child("installments").one_in(6) {
        row.seed.child("count").between(2, 12)
    } else {
        1
    }
}

/// Of a hundred rows, 58 are on the checking account, 36 on the card and 6 on savings.
pub fn account(seed: Seed) -> usize {
    match seed.child("account").below(100) {
        0..58 => accounts::CHECKING,
        58..94 => accounts::CARD,
        _ => accounts::SAVINGS,
    }
}

fn movement(profile: &Profile, account: usize, seed: Seed) -> &'static Movement {
    let choices: &'static [Movement] = match account {
        accounts::CARD => &catalogue::CARD,
        accounts::SAVINGS => &catalogue::SAVINGS,
        _ if profile.is_company() => &catalogue::BUSINESS,
        _ => &catalogue::CHECKING,
    };
    let index = seed.child("movement").below(choices.len() as u64) as usize;
    choices.get(index).unwrap_or(&catalogue::SALARY)
}

fn micros_later(moment: Timestamp, micros: u64) -> Timestamp {
    let later = jiff::SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    moment.checked_add(later).unwrap_or(moment)
}
