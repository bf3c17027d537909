//! Usage of the monthly Open Finance limits.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{DocumentHash, Month, Quota};
use table::item::{expiry, number, text};
use table::record::usage::{self, KEPT};
use table::{Result, Update};

use crate::stores::ConnectionStore;

impl ConnectionStore {
    /// Counts one of each quota, unless `occasion` was counted before.
    pub async fn spend(
        &self,
        document: &DocumentHash,
        month: Month,
        occasion: &str,
        quotas: impl IntoIterator<Item = Quota>,
    ) -> Result<()> {
        let mut update = Update::of(usage::key(document, month))
            .add("occasions", AttributeValue::Ss(vec![occasion.to_owned()]))
            .set("expires_at", expiry(month.end(), KEPT))
            .when("NOT contains(occasions, :occasion)")
            .value("occasion", text(occasion));
        for quota in quotas {
            update = update.add(quota.name(), number(1));
        }
        let counted = self.table.update(update, "counting what was spent");
        counted.await.map(|_| ())
    }
}
