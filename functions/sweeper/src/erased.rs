//! What was erased is erased again: a restore from a backup has brought it back.

use domain::{Job, LinkId, Month};
use serde_json::json;
use store::ErasureScope;

use crate::sweeper::{Report, SweepError, Sweeper};

impl Sweeper {
    /// Queues the erasures of a month once more. Those that still hold find nothing to do.
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
