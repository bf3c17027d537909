//! Schedules: how often a function is called, and with what.

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
    /// How often, as the template says it: `rate(5 minutes)`.
    pub expression: String,
    /// The same as a time.
    pub period: Duration,
    /// What the function is called with; without it, an event that AWS makes up.
    pub input: Option<Value>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Which of AWS's services keeps it.
    pub service: Service,
}

/// The two services that call functions by the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// A rule of EventBridge: SAM's `Schedule`.
    Rule,
    /// EventBridge Scheduler: SAM's `ScheduleV2`.
    Scheduler,
}

/// `Schedule`. What a retry policy is for, an event that cannot be delivered, does not happen here.
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

/// With `FLEXIBLE`, nobody could say when a run is due.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Off,
}

/// Reads a `Schedule` that calls `function`; `name` is the one SAM would give it.
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

/// Reads a `ScheduleV2` that calls `function`; `name` is the one SAM would give it.
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

/// AWS wants the singular for one and the plural for more.
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
