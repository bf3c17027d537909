//! What was spent of the monthly Open Finance limits, as far as it was us.
//!
//! Banks count what is read for a CPF or CNPJ, resource by resource, each month (Belvo: "Open
//! Finance Network Limits (Brazil)"). Connecting a bank reads everything once, and so does a
//! refresh. Each of them is counted once, however often its job runs.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Allowance, DocumentHash, Month};
use jiff::SignedDuration;

use crate::attempts::ConnectionStore;
use crate::error::{self, StoreError};

/// How long a month's counters are kept after its end.
const KEPT: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How much was spent.
pub type Spent = BTreeMap<Allowance, u64>;

impl ConnectionStore {
    /// Counts one of each allowance, unless `occasion` was counted before.
    pub async fn spend(
        &self,
        document: &DocumentHash,
        month: Month,
        occasion: &str,
        allowances: impl IntoIterator<Item = Allowance>,
    ) -> Result<(), StoreError> {
        let mut adding = vec!["occasions :occasions".to_owned()];
        let mut names = HashMap::new();
        for allowance in allowances {
            let alias = format!("#{}", allowance.name());
            adding.push(format!("{alias} :one"));
            names.insert(alias, allowance.name().to_owned());
        }
        let expires_at = month.end().as_second() + KEPT.as_secs();
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(document, month)))
            .update_expression(format!(
                "ADD {} SET expires_at = :expires_at",
                adding.join(", ")
            ))
            .condition_expression("NOT contains(occasions, :occasion)")
            .set_expression_attribute_names(Some(names).filter(|it| !it.is_empty()))
            .expression_attribute_values(
                ":occasions",
                AttributeValue::Ss(vec![occasion.to_owned()]),
            )
            .expression_attribute_values(":occasion", AttributeValue::S(occasion.to_owned()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":expires_at", AttributeValue::N(expires_at.to_string()))
            .send()
            .await;
        error::whether_written(result, "counting what was spent").map(|_| ())
    }

    /// What was spent in a month.
    pub async fn spent(&self, document: &DocumentHash, month: Month) -> Result<Spent, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(document, month)))
            .send()
            .await
            .map_err(StoreError::failed("reading what was spent"))?;
        let item = answer.item.unwrap_or_default();
        let count = |allowance: &Allowance| item.get(allowance.name())?.as_n().ok()?.parse().ok();
        let all = Allowance::all();
        Ok(all.filter_map(|it| Some((it, count(&it)?))).collect())
    }
}

fn key(document: &DocumentHash, month: Month) -> HashMap<String, AttributeValue> {
    // `#` is not allowed in an external_id, so this is never a user's key.
    let owner = format!("DOCUMENT#{}", document.as_str());
    HashMap::from([
        ("external_id".to_owned(), AttributeValue::S(owner)),
        (
            "session_id".to_owned(),
            AttributeValue::S(format!("month#{month}")),
        ),
    ])
}
