//! Schedules: the interval of a function's invocations, and their input.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::structure;

/// A schedule that calls a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its name: the template's `Name`, or function and event as SAM joins them.
    pub name: String,
    /// The function it calls.
    pub function: String,
    /// The expression in the template: `rate(5 minutes)`.
    pub expression: String,
    /// The interval it stands for.
    pub period: Duration,
    /// The input; without it, AWS generates an event.
    pub input: Option<Value>,
    /// Whether the template switches it on.
    pub enabled: bool,
    /// The AWS service of the schedule.
    pub service: Service,
}

/// The two services that invoke functions by a timer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// A rule of EventBridge: SAM's `Schedule`.
    Rule,
    /// EventBridge Scheduler: SAM's `ScheduleV2`.
    Scheduler,
}

/// `Schedule`. A retry policy is for events that cannot be delivered, which does not happen here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RuleEvent {
    schedule: String,
    input: Option<String>,
    #[serde(default, deserialize_with = "structure::optional_flag")]
    enabled: Option<bool>,
    state: Option<State>,
    name: Option<String>,
    #[serde(rename = "Description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "RetryPolicy")]
    _retry_policy: Option<IgnoredAny>,
}

/// `ScheduleV2`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SchedulerEvent {
    schedule_expression: String,
    input: Option<String>,
    state: Option<State>,
    name: Option<String>,
    #[serde(rename = "FlexibleTimeWindow")]
    _window: Option<Window>,
    #[serde(rename = "Description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "RetryPolicy")]
    _retry_policy: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Enabled,
    Disabled,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Window {
    #[serde(rename = "Mode")]
    _mode: Mode,
}

/// `FLEXIBLE` would leave the time of a run open.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Off,
}

/// Parses a `Schedule` that invokes `function`; `name` is SAM's generated name.
pub(super) fn rule(
    event: RuleEvent,
    function: &str,
    name: String,
    place: &str,
) -> anyhow::Result<Schedule> {
    if event.enabled.is_some() && event.state.is_some() {
        bail!("{place}: Enabled and State exclude each other");
    }
    Ok(Schedule {
        name: event.name.unwrap_or(name),
        function: function.to_owned(),
        period: period(&event.schedule, &format!("{place}.Schedule"))?,
        expression: event.schedule,
        input: input(event.input, place)?,
        enabled: event.enabled != Some(false) && event.state != Some(State::Disabled),
        service: Service::Rule,
    })
}

/// Parses a `ScheduleV2` that invokes `function`; `name` is SAM's generated name.
pub(super) fn scheduler(
    event: SchedulerEvent,
    function: &str,
    name: String,
    place: &str,
) -> anyhow::Result<Schedule> {
    if let Some(text) = &event.input
        && text.contains("<aws.scheduler.")
    {
        bail!("{place}.Input: the scheduler's own placeholders are not understood here");
    }
    Ok(Schedule {
        name: event.name.unwrap_or(name),
        function: function.to_owned(),
        period: period(
            &event.schedule_expression,
            &format!("{place}.ScheduleExpression"),
        )?,
        expression: event.schedule_expression,
        input: input(event.input, place)?,
        enabled: event.state != Some(State::Disabled),
        service: Service::Scheduler,
    })
}

fn input(text: Option<String>, place: &str) -> anyhow::Result<Option<Value>> {
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .with_context(|| format!("{place}.Input: JSON was expected"))
}

fn period(expression: &str, place: &str) -> anyhow::Result<Duration> {
    rate(expression).with_context(|| {
        format!(
            "{place}: {expression:?} is not understood here, \
             only the likes of rate(1 minute), rate(5 minutes), rate(2 hours) and rate(7 days)"
        )
    })
}

/// AWS requires the singular for one and the plural for more.
fn rate(expression: &str) -> Option<Duration> {
    let inside = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inside.split_once(' ')?;
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u32 = count.parse().ok()?;
    let seconds = match (count, unit) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 60 * 60,
        (1, "day") | (2.., "days") => 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(count) * seconds))
}
