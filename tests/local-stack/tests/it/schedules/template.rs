//! Schedules as a template writes them.

use std::{collections::BTreeMap, time::Duration};

use local_stack::template::{Account, Schedule, Service, Template};
use serde_json::json;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The schedule of a function with this one event.
fn read(event: &str) -> anyhow::Result<Schedule> {
    let text = format!(
        "
Parameters:
  Flag: {{ Type: String, Default: \"false\" }}
  Scope: {{ Type: String, Default: due }}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {{ issuer: http://issuer, audience: [api] }}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/sweep
      Events: {{ Due: {event} }}
"
    );
    let account = Account {
        region: "sa-east-1".to_owned(),
        id: "000000000000".to_owned(),
        sqs_url: "http://127.0.0.1:1".to_owned(),
        secrets: BTreeMap::new(),
    };
    let system = Template::parse(&text, &BTreeMap::new())?.system(&account)?;
    let [function] = system.functions.as_slice() else {
        panic!("{system:?}")
    };
    let [schedule] = function.schedules.as_slice() else {
        panic!("{function:?}")
    };
    Ok(schedule.clone())
}

fn v1(properties: &str) -> String {
    format!("{{ Type: Schedule, Properties: {{ {properties} }} }}")
}

fn v2(properties: &str) -> String {
    format!("{{ Type: ScheduleV2, Properties: {{ {properties} }} }}")
}

#[test]
fn both_kinds_of_schedule_give_the_same() {
    let expected = Schedule {
        name: "FDue".to_owned(),
        function: "sweep".to_owned(),
        expression: "rate(1 minute)".to_owned(),
        period: Duration::from_secs(MINUTE),
        input: Some(json!({"sweep": "due"})),
        enabled: true,
        service: Service::Rule,
    };
    let input = r#"Input: '{"sweep":"due"}'"#;
    let rule = read(&v1(&format!("Schedule: rate(1 minute), {input}"))).unwrap();
    assert_eq!(rule, expected);
    let scheduler = read(&v2(&format!("ScheduleExpression: rate(1 minute), {input}"))).unwrap();
    let service = Service::Scheduler;
    assert_eq!(
        scheduler,
        Schedule {
            service,
            ..expected
        }
    );
}

#[test]
fn a_rate_is_a_number_of_minutes_hours_or_days() {
    #[track_caller]
    fn check(expression: &str, seconds: u64) {
        let schedule = read(&v1(&format!("Schedule: {expression}"))).unwrap();
        assert_eq!(schedule.period, Duration::from_secs(seconds));
        assert_eq!(schedule.expression, expression);
        let schedule = read(&v2(&format!("ScheduleExpression: {expression}"))).unwrap();
        assert_eq!(schedule.period, Duration::from_secs(seconds));
    }
    check("rate(1 minute)", MINUTE);
    check("rate(5 minutes)", 5 * MINUTE);
    check("rate(1 hour)", HOUR);
    check("rate(6 hours)", 6 * HOUR);
    check("rate(1 day)", DAY);
    check("rate(7 days)", 7 * DAY);
}

#[test]
fn any_other_expression_is_refused_by_name() {
    #[track_caller]
    fn check(expression: &str) {
        let error = read(&v1(&format!("Schedule: {expression:?}"))).unwrap_err();
        let place = "Resources.F.Properties.Events.Due.Schedule";
        let expected = format!("{place}: {expression:?} is not understood here");
        assert!(error.to_string().starts_with(&expected), "{error}");
        let error = read(&v2(&format!("ScheduleExpression: {expression:?}"))).unwrap_err();
        let expected = format!("{place}Expression: {expression:?} is not understood here");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    for expression in [
        "cron(0 12 * * ? *)",
        "at(2030-01-01T00:00:00)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(+2 minutes)",
        "rate(1.5 hours)",
        "rate(99999999999 days)",
        "rate(30 seconds)",
        "rate(5  minutes)",
        "rate(5 minutes",
        "rate()",
        "",
    ] {
        check(expression);
    }
}

#[test]
fn an_input_is_json_with_its_placeholders_filled() {
    let schedule = read(&v1(
        r#"Schedule: rate(1 day), Input: !Sub '{"sweep":"${Scope}"}'"#,
    ));
    assert_eq!(schedule.unwrap().input, Some(json!({"sweep": "due"})));
    assert_eq!(read(&v1("Schedule: rate(1 day)")).unwrap().input, None);

    let error = read(&v1("Schedule: rate(1 day), Input: sweep")).unwrap_err();
    let place = "Resources.F.Properties.Events.Due.Input";
    assert_eq!(error.to_string(), format!("{place}: JSON was expected"));
    let error = read(&v2(
        r#"ScheduleExpression: rate(1 day), Input: '{"at":"<aws.scheduler.scheduled-time>"}'"#,
    ));
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{place}: the scheduler's own placeholders")),
        "{error}"
    );
}

#[test]
fn a_schedule_can_be_switched_off() {
    #[track_caller]
    fn check(event: &str, enabled: bool) {
        assert_eq!(read(event).unwrap().enabled, enabled, "{event}");
    }
    check(&v1("Schedule: rate(1 day)"), true);
    check(&v1("Schedule: rate(1 day), Enabled: true"), true);
    check(&v1("Schedule: rate(1 day), Enabled: false"), false);
    check(&v1("Schedule: rate(1 day), Enabled: !Ref Flag"), false);
    check(&v1("Schedule: rate(1 day), State: DISABLED"), false);
    check(&v2("ScheduleExpression: rate(1 day), State: ENABLED"), true);
    check(
        &v2("ScheduleExpression: rate(1 day), State: DISABLED"),
        false,
    );
}

#[test]
fn unsupported_properties_are_refused() {
    #[track_caller]
    fn check(event: &str, expected: &str) {
        let error = read(event).unwrap_err().to_string();
        let place = "Resources.F.Properties.Events.Due";
        assert!(
            error.starts_with(place) && error.contains(expected),
            "{error}"
        );
    }
    check(
        &v1("Schedule: rate(1 day), DeadLetterConfig: {}"),
        "unknown field `DeadLetterConfig`",
    );
    check(
        &v1("Schedule: rate(1 day), Enabled: maybe"),
        "\"maybe\" is neither true nor false",
    );
    check(
        &v1("Schedule: rate(1 day), Enabled: true, State: ENABLED"),
        "Enabled and State exclude each other",
    );
    check(&v1("Input: '{}'"), "missing field `Schedule`");
    check(
        &v2("ScheduleExpression: rate(1 day), Enabled: false"),
        "unknown field `Enabled`",
    );
    check(
        &v2("ScheduleExpression: rate(1 day), StartDate: 2030-01-01T00:00:00Z"),
        "unknown field `StartDate`",
    );
    check(
        &v2("ScheduleExpression: rate(1 day), FlexibleTimeWindow: { Mode: FLEXIBLE }"),
        "unknown variant `FLEXIBLE`",
    );
}
