//! Selects the rows of a link that pass the filters of a list.

use serde_json::Value;

use crate::{
    api::query::{Condition, NUMBER_UNITS_PER_CENT, Operand, number},
    data::{LinkData, accounts::CARD, transactions::Transaction},
    resources::Resource,
};

/// The positions of the rows that pass. Dates use the index; other filters examine each row.
pub fn positions(data: &LinkData, resource: Resource, conditions: &[&Condition]) -> Vec<u32> {
    let is_day =
        |condition: &&Condition| condition.field == "value_date" && condition.days().is_some();
    let (days, others): (Vec<&Condition>, Vec<&Condition>) =
        conditions.iter().copied().partition(is_day);
    let lets_pass = |position: &u32| {
        usize::try_from(*position).is_ok_and(|position| {
            others
                .iter()
                .all(|condition| passes(data, resource, position, condition))
        })
    };
    let days = days.iter().filter_map(|condition| condition.days());
    match days.reduce(|(from, to), (first, last)| (from.max(first), to.min(last))) {
        Some((first, last)) => {
            let mut found = data.finder.between(&data.transactions, first, last);
            if !others.is_empty() {
                found.retain(lets_pass);
            }
            found
        }
        None => {
            let count = u32::try_from(data.count(resource)).unwrap_or(u32::MAX);
            (0..count).filter(lets_pass).collect()
        }
    }
}

fn passes(data: &LinkData, resource: Resource, position: usize, condition: &Condition) -> bool {
    let quick = (resource == Resource::Transactions)
        .then(|| {
            data.transactions
                .get(position)
                .and_then(|row| fact(data, row, condition.field))
        })
        .flatten();
    if let Some(value) = quick {
        return condition.lets_pass(value.as_ref());
    }
    let row = data.row(resource, position).unwrap_or_default();
    let row: Value = serde_json::from_str(&row).unwrap_or_default();
    condition.lets_pass(written(&row, condition.field).as_ref())
}

/// A value that needs no rendered row. The outer `None` means that the row must be rendered first.
fn fact(data: &LinkData, row: &Transaction, field: &str) -> Option<Option<Operand>> {
    let account = usize::from(row.account);
    let text = |text: &str| Some(Operand::Text(text.to_owned()));
    Some(match field {
        "id" => Some(Operand::Id(row.id)),
        "value_date" => row.value_date.map(Operand::Day),
        "created_at" => Some(Operand::Day(crate::clock::day(row.created_at))),
        "account" => {
            let account = data.accounts.all().get(account);
            account.map(|account| Operand::Id(account.id))
        }
        "account_type" => data.account_kinds.get(account).and_then(|kind| text(kind)),
        // A test may have set any field of this row, so the rendered row decides.
        _ if row.said.is_some() => return None,
        "amount" => Some(Operand::Number(
            i128::from(row.cents) * NUMBER_UNITS_PER_CENT,
        )),
        "accounting_date" if account == CARD => row.value_date.map(Operand::Day),
        "accounting_date" => None,
        "status" => text(row.status()),
        "type" => text(if row.inflow { "INFLOW" } else { "OUTFLOW" }),
        _ => return None,
    })
}

/// A value as the rendered row has it.
fn written(row: &Value, field: &str) -> Option<Operand> {
    let path = match field {
        "account" => "account__id",
        "institution" => "institution__name",
        "account_type" => "account__type",
        other => other,
    };
    let value = path
        .split("__")
        .try_fold(row, |value, key| value.get(key))?;
    match (field, value) {
        ("id" | "account", Value::String(text)) => text.parse().ok().map(Operand::Id),
        ("value_date" | "accounting_date" | "due_date", Value::String(text)) => {
            text.parse().ok().map(Operand::Day)
        }
        ("created_at", Value::String(text)) => {
            text.parse().ok().map(crate::clock::day).map(Operand::Day)
        }
        ("collected_at", Value::String(text)) => text.parse().ok().map(Operand::Moment),
        (_, Value::Number(value)) => number(&value.to_string()).map(Operand::Number),
        (_, Value::String(text)) => Some(Operand::Text(text.clone())),
        _ => None,
    }
}
