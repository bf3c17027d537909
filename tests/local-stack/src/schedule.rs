//! The schedules: a timer invokes a function.
//!
//! EventBridge invokes asynchronously and ignores the result, so a failure is only logged here. By
//! default Lambda would retry such a run twice; here the next run is due soon enough. A period in
//! which the last run is still going is skipped and never made up for.

use futures::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use uuid::Uuid;

use crate::{
    aws::{ACCOUNT_ID, REGION},
    background::{Background, Stopped},
    lambda::Functions,
    log::Log,
    template::{Schedule, Service},
};

/// A schedule and its target.
#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) schedule: Schedule,
    pub(crate) functions: Functions,
    pub(crate) log: Log,
}

impl Timer {
    /// Starts the timer; the first run is one period from now.
    pub(crate) fn start(self) -> Background {
        let period = self.schedule.period;
        let mut times = interval_at(Instant::now() + period, period);
        times.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Background::start(|stopped| self.run(times, stopped))
    }

    async fn run(self, mut times: Interval, mut stopped: Stopped) {
        loop {
            tokio::select! {
                biased;
                () = stopped.wait() => return,
                _ = times.tick() => self.invoke().await,
            }
            // Drops the tick that passed during this run; because of `Skip` there is at most one.
            times.tick().now_or_never();
        }
    }

    async fn invoke(&self) {
        let Schedule { name, function, .. } = &self.schedule;
        let payload = event(&self.schedule, Timestamp::now()).to_string();
        if let Err(error) = self.functions.invoke_raw(function, payload.into()).await {
            let error = anyhow::Error::new(error);
            self.log
                .line("local-stack", &format!("schedule {name} failed: {error:#}"));
        }
    }
}

/// The payload: the schedule's input, or the event that AWS generates.
fn event(schedule: &Schedule, now: Timestamp) -> Value {
    if let Some(input) = &schedule.input {
        return input.clone();
    }
    let name = &schedule.name;
    let (source, arn, detail) = match schedule.service {
        Service::Rule => (
            "aws.events",
            format!("events:{REGION}:{ACCOUNT_ID}:rule/{name}"),
            json!({}),
        ),
        // EventBridge Scheduler writes the empty detail as a text.
        Service::Scheduler => (
            "aws.scheduler",
            format!("scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/{name}"),
            json!("{}"),
        ),
    };
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT_ID,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:{arn}")],
        "detail": detail,
    })
}
