//! The bodies of webhooks.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::{
    data::{LinkData, changes::Touched, rows::Rows},
    links::Link,
    resources::Resource,
};

/// An event without the members that name its link.
pub struct Event {
    pub kind: &'static str,
    pub process: &'static str,
    pub code: &'static str,
    pub data: Value,
}

impl Event {
    /// An event of a recurrent round.
    pub fn new_rows(resource: Resource, code: &'static str, data: Value) -> Self {
        Self {
            kind: resource.name(),
            process: "recurrent_update",
            code,
            data,
        }
    }

    /// The whole body.
    pub fn body(self, link: &Link, request_id: &str) -> Value {
        json!({
            "webhook_id": link.webhook_id,
            "webhook_type": self.kind,
            "process_type": self.process,
            "webhook_code": self.code,
            "link_id": link.id,
            "request_id": request_id,
            "external_id": link.external_id,
            "data": self.data,
        })
    }
}

/// The `data` of `historical_update` for a kind.
pub fn totals(data: &LinkData, resource: Resource) -> Value {
    match resource {
        Resource::Transactions => {
            let rows = data
                .transactions
                .iter()
                .map(|row| (row.inflow, row.value_date));
            movement_totals(rows)
        }
        Resource::InvestmentTransactions => {
            let rows = data.rows(resource).map_or(&[][..], Rows::listed);
            let rows = rows.iter().map(|row| {
                let row: Value = serde_json::from_str(&row.text.0).unwrap_or_default();
                let day = row["value_date"].as_str().and_then(|day| day.parse().ok());
                (row["type"] == "INFLOW", day)
            });
            // Belvo's documentation shows the same five members for both kinds of movement.
            movement_totals(rows)
        }
        _ => json!({ (format!("total_{}", resource.lower())): data.count(resource) }),
    }
}

fn movement_totals(rows: impl Iterator<Item = (bool, Option<Date>)>) -> Value {
    let (mut inflow, mut outflow) = (0_u64, 0_u64);
    let (mut first, mut last) = (None::<Date>, None::<Date>);
    for (is_inflow, day) in rows {
        if is_inflow {
            inflow += 1;
        } else {
            outflow += 1;
        }
        if let Some(day) = day {
            first = Some(first.map_or(day, |first| first.min(day)));
            last = Some(last.map_or(day, |last| last.max(day)));
        }
    }
    json!({
        "total_transactions": inflow + outflow,
        "total_inflow_transactions": inflow,
        "total_outflow_transactions": outflow,
        "first_transaction_date": first,
        "last_transaction_date": last,
    })
}

/// The events of a collection about changes of another kind: new rows have an event, all other
/// changes have none.
pub fn new_objects(resource: Resource, count: usize) -> Event {
    let code = match resource {
        Resource::Owners => "new_owners_available",
        Resource::Accounts => "new_accounts_available",
        Resource::Transactions => "new_transactions_available",
        Resource::Bills => "new_bills_available",
        Resource::Investments => "new_investments_available",
        Resource::InvestmentTransactions => "new_investment_transactions_available",
    };
    let data = json!({ (format!("new_{}", resource.lower())): count });
    Event::new_rows(resource, code, data)
}

/// The events of a collection about changed transactions.
pub fn transaction_events(data: &LinkData, touched: &Touched) -> Vec<Event> {
    let mut events = Vec::new();
    if !touched.added.is_empty() {
        let days = data
            .transactions
            .iter()
            .filter(|row| touched.added.contains(&row.id))
            .filter_map(|row| row.value_date);
        let payload = json!({
            "new_transactions": touched.added.len(),
            "first_transaction_date": days.clone().min(),
            "last_transaction_date": days.max(),
        });
        events.push(Event::new_rows(
            Resource::Transactions,
            "new_transactions_available",
            payload,
        ));
    }
    // Belvo does not document the data of these two events; the ids are a guess, and receivers must
    // not depend on them.
    if !touched.updated.is_empty() {
        let payload =
            json!({ "total_transactions": touched.updated.len(), "transactions": touched.updated });
        events.push(Event::new_rows(
            Resource::Transactions,
            "transactions_updated",
            payload,
        ));
    }
    if !touched.deleted.is_empty() {
        let payload =
            json!({ "total_transactions": touched.deleted.len(), "transactions": touched.deleted });
        events.push(Event::new_rows(
            Resource::Transactions,
            "transactions_deleted",
            payload,
        ));
    }
    events
}
