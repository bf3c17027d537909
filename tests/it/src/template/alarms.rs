//! Alarms, the runbook, the dashboard, and their metrics.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{TEXT, evaluated, of_type};
use crate::layout::root;

const RUNBOOK: &str = include_str!("../../../../OPERATIONS.md");
const NAMESPACE: &str = "BelvoOpenFinance/sandbox";

fn alarms(template: &Value) -> Vec<(&str, &Value)> {
    of_type(template, "AWS::CloudWatch::Alarm")
}

/// The sections of the runbook: their names and texts.
fn sections() -> Vec<(&'static str, &'static str)> {
    let (_, runbook) = RUNBOOK.split_once("\n## Runbook\n").unwrap();
    let runbook = runbook.split("\n## ").next().unwrap();
    let sections = runbook.split("\n### ").skip(1);
    sections.map(|it| it.split_once('\n').unwrap()).collect()
}

#[test]
fn every_alarm_has_a_section_of_its_name_and_every_section_an_alarm() {
    let template = evaluated(TEXT, &[]);
    let alarms: BTreeSet<&str> = alarms(&template)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let sections = sections();
    let named: BTreeSet<&str> = sections.iter().map(|(name, _)| *name).collect();
    assert_eq!(alarms, named);
    assert_eq!(sections.len(), named.len(), "a section is there twice");
    for (name, text) in sections {
        for part in ["**Means:** ", "**Look:** ", "**Do:** ", "**Not:** "] {
            assert_eq!(text.matches(part).count(), 1, "{name}: {part}");
        }
        let row = format!("| [{name}](#{}) | ", name.to_lowercase());
        assert!(RUNBOOK.contains(&row), "{name} is not in the table");
    }
}

#[test]
fn every_alarm_description_names_its_section() {
    for (parameters, topic) in [
        (vec![], "AlarmTopic"),
        (
            vec![("AlarmTopicArn", "arn:aws:sns:sa-east-1:1:night")],
            "arn:aws:sns:sa-east-1:1:night",
        ),
    ] {
        let template = evaluated(TEXT, &parameters);
        for (name, alarm) in alarms(&template) {
            assert_eq!(alarm["AlarmActions"], serde_json::json!([topic]), "{name}");
            assert_eq!(alarm["OKActions"], alarm["AlarmActions"], "{name}");
            let text = alarm["AlarmDescription"].as_str().unwrap();
            let pointer = format!("See {name} in OPERATIONS.md. (Belvo sandbox)");
            assert!(text.ends_with(&pointer), "{name}: {text}");
        }
    }
}

#[test]
fn every_function_is_watched_for_errors_and_throttles() {
    let template = evaluated(TEXT, &[]);
    let functions = of_type(&template, "AWS::Serverless::Function");
    for alarm in ["FunctionErrors", "FunctionThrottles"] {
        let metrics = &template["Resources"][alarm]["Properties"]["Metrics"];
        let metrics = metrics.as_array().unwrap().iter();
        let watched =
            metrics.filter_map(|it| it["MetricStat"]["Metric"]["Dimensions"][0]["Value"].as_str());
        let watched: BTreeSet<_> = watched
            .map(|name| format!("target/lambda/{name}/"))
            .collect();
        let all = functions.iter().map(|(_, it)| it["CodeUri"].as_str());
        let all: BTreeSet<_> = all.map(|it| it.unwrap().to_owned()).collect();
        assert_eq!(watched, all, "{alarm}");
    }
}

#[test]
fn every_metric_of_an_alarm_or_widget_is_emitted() {
    let template = evaluated(TEXT, &[]);
    let mut named = BTreeSet::new();
    for (_, alarm) in alarms(&template) {
        let parts = alarm["Metrics"].as_array().into_iter().flatten();
        let parts = parts.map(|it| &it["MetricStat"]["Metric"]);
        for metric in parts.chain([alarm]) {
            if metric["Namespace"] == NAMESPACE {
                named.insert(metric["MetricName"].as_str().unwrap().to_owned());
            }
        }
    }
    let dashboard = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"];
    let dashboard: Value = serde_json::from_str(dashboard.as_str().unwrap()).unwrap();
    for widget in dashboard["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            if metric[0] == NAMESPACE {
                named.insert(metric[1].as_str().unwrap().to_owned());
            }
        }
    }
    assert!(named.len() > 15, "{named:?}");
    let metrics = std::fs::read_to_string(root().join("shared/runtime/src/metrics.rs")).unwrap();
    for name in named {
        assert!(metrics.contains(&format!("\n    {name},\n")), "{name}");
    }
}
