//! Plausible faults of the template, each in a copy of it, and the rule that notices.
//!
//! Linters see few of these, because most are valid templates that are wrong only for this system.

mod api;
mod belvo;
mod functions;
mod keys;
mod queues;
mod roles;
mod tables;

use std::collections::BTreeSet;

use super::TEXT;
use super::rules::{self, Subject};

/// A fault: the first of these texts in the template is replaced by the second.
pub struct Fault {
    rule: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn fault(rule: &'static str, from: &'static str, to: &'static str) -> Fault {
    Fault { rule, from, to }
}

const NOTHING: &str = "";

fn all() -> impl Iterator<Item = &'static Fault> {
    let groups = [
        api::FAULTS,
        belvo::FAULTS,
        functions::FAULTS,
        keys::FAULTS,
        queues::FAULTS,
        roles::FAULTS,
        tables::FAULTS,
    ];
    groups.into_iter().flatten()
}

/// The rules that a template breaks.
fn broken(text: &str) -> BTreeSet<&'static str> {
    let subjects = [false, true].map(|full| Subject::new(text, full));
    let rules = rules::all().into_iter();
    let broken = rules.filter(|rule| subjects.iter().any(|it| !(rule.check)(it).is_empty()));
    broken.map(|rule| rule.name).collect()
}

#[test]
fn every_fault_is_noticed_by_its_rule() {
    for fault in all() {
        assert!(
            TEXT.contains(fault.from),
            "not in the template: {}",
            fault.from
        );
        let planted = TEXT.replacen(fault.from, fault.to, 1);
        let broken = broken(&planted);
        assert!(
            broken.contains(fault.rule),
            "{:?} instead of {:?} breaks {broken:?}, and not {:?}",
            fault.to,
            fault.from,
            fault.rule
        );
    }
}

#[test]
fn every_rule_can_be_broken() {
    let rules: BTreeSet<&str> = rules::all().iter().map(|rule| rule.name).collect();
    let named: BTreeSet<&str> = all().map(|fault| fault.rule).collect();
    assert_eq!(named, rules);
}
