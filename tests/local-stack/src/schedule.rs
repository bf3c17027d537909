//! The schedules: time passing becomes invocations of a function.
//!
//! EventBridge invokes asynchronously and looks at no result, so a failure is only logged here.
//! Lambda would try such a run twice more unless told otherwise; here the next one is due soon
//! enough. A period in which the last run still goes on is left out, never made up for.

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

/// A schedule and what it calls.
#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) schedule: Schedule,
    pub(crate) functions: Functions,
    pub(crate) log: Log,
}

impl Timer {
    /// Starts to count; the first run is one period from now.
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
            // A time that came while this ran is over; because of `Skip` there is one at most.
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

/// What the function is called with: the schedule's input, or the event that AWS makes up.
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
