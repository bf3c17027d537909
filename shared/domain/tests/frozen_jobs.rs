//! Jobs as releases have written them: they wait in queues, and a newer or an older release reads
//! them.
//!
//! **The files of `jobs/` are never edited, only added to.** Each is named by a job and its
//! version, and holds the forms it may have: without its optional members, with all of them, and
//! every value that is a name. A change that makes this test fail is a change for a new version.
//! (`events/fetcher` holds whole batches, as the queue hands them over.)
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation should stop the test right there"
)]

use std::collections::{BTreeMap, BTreeSet};

use domain::event::{ConsentChange, Event, EventKind, Totals};
use domain::{AccessMode, Attempt, Job, Quota, ResourceKind, WidgetOutcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

/// The forms of each job, by the name of their file.
fn frozen() -> BTreeMap<String, Vec<Value>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jobs");
    let files = std::fs::read_dir(folder).unwrap();
    let forms = files.map(|file| {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        (name, serde_json::from_str(&text).unwrap())
    });
    forms.collect()
}

fn all_forms() -> Vec<Value> {
    frozen().into_values().flatten().collect()
}

fn decode(form: &Value) -> Job {
    serde_json::from_value(form.clone()).unwrap_or_else(|error| panic!("{error}: {form}"))
}

#[test]
fn every_form_is_read_and_written_as_it_was() {
    for (file, forms) in frozen() {
        for form in forms {
            assert_eq!(form["job"], file);
            assert_eq!(serde_json::to_value(decode(&form)).unwrap(), form);
        }
    }
}

#[test]
fn members_of_a_newer_release_are_ignored() {
    for mut form in all_forms() {
        let job = decode(&form);
        add_members(&mut form);
        assert_eq!(decode(&form), job, "{form}");
    }
}

/// Gives every object, at every depth, a member nobody knows.
fn add_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add_members);
            members.insert("of_a_newer_release".to_owned(), json!({"a": [1]}));
        }
        Value::Array(elements) => elements.iter_mut().for_each(add_members),
        _ => {}
    }
}

#[test]
fn jobs_of_a_newer_release_are_no_jobs() {
    let link = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
    for newer in ["link_due.v2", "something_new.v1"] {
        let form = json!({"job": newer, "link_id": link, "until": "2026-11-23T12:00:00Z"});
        assert!(serde_json::from_value::<Job>(form).is_err(), "{newer}");
    }
}

#[test]
fn every_job_that_can_be_written_has_its_file() {
    let files: BTreeSet<String> = frozen().into_keys().collect();
    let known = names::<Job>(json!({"job": "?"}));
    let missing: Vec<_> = known.difference(&files).collect();
    assert!(missing.is_empty(), "no file in tests/jobs for {missing:?}");
}

#[test]
fn every_name_in_a_job_is_in_some_form() {
    let text = Value::from(all_forms()).to_string();
    let names = [
        names::<WidgetOutcome>(json!({"outcome": "?"})),
        names::<EventKind>(json!({"event": "?"})),
        names::<ConsentChange>(json!("?")),
        names::<ResourceKind>(json!("?")),
        names::<AccessMode>(json!("?")),
    ];
    for name in names.iter().flatten() {
        assert!(text.contains(&format!("\"{name}\"")), "no form has {name}");
    }
}

/// A name is written by serde in jobs and answers, and by strum in logs, keys and addresses.
#[test]
fn both_writers_of_names_agree() {
    fn check<T>(all: impl IntoIterator<Item = T>)
    where
        T: Serialize + Into<&'static str>,
    {
        for value in all {
            let form = serde_json::to_value(&value).unwrap();
            let name: &str = value.into();
            assert_eq!(form, json!(name));
        }
    }
    check(AccessMode::iter());
    check(Quota::all());
    check(ResourceKind::all());
    for form in all_forms() {
        let job = decode(&form);
        let versioned = form["job"].as_str().unwrap();
        assert_eq!(versioned.split('.').next(), Some(job.name()));
        if let Job::AttemptEnded { outcome, .. } = &job {
            assert_eq!(form["outcome"]["outcome"], outcome.name());
        }
    }
}

/// The names a type knows, as it lists them when it is given another one.
fn names<T: DeserializeOwned>(unknown: Value) -> BTreeSet<String> {
    let Err(error) = serde_json::from_value::<T>(unknown) else {
        panic!("? is a name");
    };
    let error = error.to_string();
    let (_, list) = error
        .split_once("expected one of ")
        .or_else(|| error.split_once("expected "))
        .unwrap();
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn every_optional_member_is_there_in_one_form_and_not_in_another() {
    let mut seen: BTreeMap<(&str, &str), BTreeSet<bool>> = BTreeMap::new();
    for form in all_forms() {
        let job = decode(&form);
        for (member, present) in optional(&job) {
            seen.entry((job.name(), member))
                .or_default()
                .insert(present);
        }
    }
    for (member, states) in seen {
        assert_eq!(states.len(), 2, "{member:?} is always or never there");
    }
}

/// The optional members of a job. Without `..`, so that whoever adds a member comes here, and adds
/// a form with it.
fn optional(job: &Job) -> Vec<(&'static str, bool)> {
    match job {
        Job::AttemptStarted {
            attempt,
            access_mode: _,
            institutions,
        } => {
            let mut members = of_attempt(attempt);
            members.push(("institutions", !institutions.is_empty()));
            members
        }
        Job::AttemptEnded { attempt, outcome } => {
            let mut members = of_attempt(attempt);
            members.extend(of_outcome(outcome));
            members
        }
        Job::LinkProven {
            link_id: _,
            external_id: _,
            session_id: _,
        } => vec![],
        Job::WebhookReceived { link_id: _, event } => of_event(event),
        Job::WebhookReplayed { link_id: _, event } => of_event(event),
        Job::LinkDue {
            link_id: _,
            until: _,
        } => vec![],
        Job::LinkSeen {
            link_id: _,
            last_accessed_at,
        } => {
            vec![("last_accessed_at", last_accessed_at.is_some())]
        }
        Job::LinkReread {
            link_id: _,
            not_before: _,
        } => vec![],
        Job::LinkRefresh {
            link_id: _,
            refresh_id: _,
            resources,
        } => {
            vec![("resources", !resources.is_empty())]
        }
        Job::ConsentRenewal {
            link_id: _,
            opened_at: _,
            manages,
        } => vec![("manages", *manages)],
        Job::LinkErase {
            link_id: _,
            external_id: _,
            receipt_id: _,
        } => vec![],
        Job::UserErase {
            external_id: _,
            receipt_id: _,
            requested_at,
        } => {
            vec![("requested_at", requested_at.is_some())]
        }
    }
}

fn of_attempt(attempt: &Attempt) -> Vec<(&'static str, bool)> {
    let Attempt {
        session_id: _,
        external_id: _,
        started_at: _,
        person: _,
        company,
    } = attempt;
    vec![("company", company.is_some())]
}

fn of_outcome(outcome: &WidgetOutcome) -> Vec<(&'static str, bool)> {
    match outcome {
        WidgetOutcome::Success {
            link: _,
            institution,
        } => {
            vec![("success.institution", institution.is_some())]
        }
        WidgetOutcome::Exit {
            code,
            institution,
            step,
        } => vec![
            ("exit.code", code.is_some()),
            ("exit.institution", institution.is_some()),
            ("exit.step", step.is_some()),
        ],
        WidgetOutcome::Error { code: _ } | WidgetOutcome::Warning { code: _ } => vec![],
    }
}

fn of_event(event: &Event) -> Vec<(&'static str, bool)> {
    let Event {
        link_id: _,
        external_id,
        kind,
        webhook_type,
        webhook_code,
        request_id,
        totals,
        errors,
    } = event;
    let Totals {
        rows,
        new_rows,
        inflow,
        outflow,
        first_date,
        last_date,
    } = totals;
    let mut members = vec![
        ("external_id", external_id.is_some()),
        ("webhook_type", webhook_type.is_some()),
        ("webhook_code", webhook_code.is_some()),
        ("request_id", request_id.is_some()),
        ("errors", !errors.is_empty()),
        ("totals.rows", rows.is_some()),
        ("totals.new_rows", new_rows.is_some()),
        ("totals.inflow", inflow.is_some()),
        ("totals.outflow", outflow.is_some()),
        ("totals.first_date", first_date.is_some()),
        ("totals.last_date", last_date.is_some()),
    ];
    match kind {
        EventKind::Consent {
            change: _,
            consent_id,
            due_at,
        } => members.extend([
            ("consent.consent_id", consent_id.is_some()),
            ("consent.due_at", due_at.is_some()),
        ]),
        EventKind::HistoricalUpdate { resource: _ }
        | EventKind::ResourceChanged { resource: _ }
        | EventKind::ResourceRevised { resource: _ }
        | EventKind::LinkNeedsUser
        | EventKind::LinkDeleted
        | EventKind::LinkChanged
        | EventKind::Unknown => {}
    }
    members
}
