//! Which sweep an event asks for.

use domain::Code;
use runtime::Metric;
use serde_json::Value;

use crate::report::Report;
use crate::request::Sweep;
use crate::sweeper::{SweepError, Sweeper};

impl Sweeper {
    /// Does what the event asks for, and says how far it is.
    pub async fn handle(&self, event: &Value) -> Result<Report, SweepError> {
        let result = match Sweep::read(event) {
            Ok(sweep) => self.sweep(&sweep).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &result {
            if let Some(metric) = error.metric() {
                runtime::count(metric, self.clock.now());
            }
            tracing::error!(error = %runtime::chain(error), "a sweep failed");
        }
        result
    }

    async fn sweep(&self, sweep: &Sweep) -> Result<Report, SweepError> {
        let report = match *sweep {
            Sweep::Due {
                link_id: None,
                until,
            } => self.due(until).await?,
            Sweep::Due {
                link_id: Some(link_id),
                until,
            } => self.due_link(link_id, until).await?,
            Sweep::Links { page } => self.compare_links(page).await?,
            Sweep::Replay { link_id } => self.replay(link_id).await?,
            Sweep::Erased { month, after } => self.erase_again(month, after).await?,
            Sweep::Reread { link_id } => self.reread(link_id).await?,
            Sweep::RereadAll {
                page,
                size,
                over,
                from,
            } => self.reread_all(page, size, over, from).await?,
        };
        let name = sweep.name();
        runtime::count_by(Metric::SweepDone, &Code::lenient(name), self.clock.now());
        tracing::info!(sweep = name, report = ?report, "swept");
        Ok(report)
    }
}
