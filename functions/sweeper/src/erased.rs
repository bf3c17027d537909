//! Erasures are queued again after a restore from a backup, which has brought the data back.

use domain::{Job, LinkId, Month};
use serde_json::json;
use store::ErasureScope;

use crate::report::Report;
use crate::sweeper::{SweepError, Sweeper};

impl Sweeper {
    /// Queues the erasures of a month again. A link or user without data costs one job and no more.
    pub(crate) async fn erase_again(
        &self,
        month: Month,
        after: Option<LinkId>,
    ) -> Result<Report, SweepError> {
        let erased = self.connections.erased(month, after).await?;
        let mut jobs = Vec::new();
        for erased in &erased {
            let (external_id, receipt_id) = (erased.external_id.clone(), erased.receipt_id);
            let job = match erased.of {
                ErasureScope::Link => Job::LinkErase {
                    link_id: erased.link_id,
                    external_id,
                    receipt_id,
                },
                ErasureScope::User => Job::UserErase {
                    external_id,
                    receipt_id,
                    requested_at: erased.requested_at,
                },
            };
            jobs.push((job, self.randomness.sixteen()?));
        }
        let last = erased.last().map(|it| it.link_id);
        Ok(Report::Erased {
            erased: erased.len(),
            enqueued: self.enqueue(&jobs).await?,
            next: last.map(
                |after| json!({"sweep": "erased", "month": month.to_string(), "after": after}),
            ),
        })
    }
}
