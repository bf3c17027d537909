//! The result of an item.

use std::fmt;

use serde::Serialize;

/// An item of the checklist, or a part of one.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Belvo's number, with a letter for a part; a single letter for an item that Belvo's list
    /// lacks.
    pub number: &'static str,
    /// The requirement.
    pub item: &'static str,
    /// Whether the requirement is met.
    pub verdict: Verdict,
    /// The observation, or the task of the person who must check.
    pub seen: String,
}

/// Whether the requirement is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The check saw that it is met.
    Pass,
    /// The check saw that it is not met.
    Fail,
    /// Only a person can check it.
    ByHand,
    /// It is built in and invisible from outside; a test proves it.
    InTests,
    /// It does not apply to this stack.
    NotApplicable,
}

impl Verdict {
    /// All verdicts, worst first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Fail,
        Self::Pass,
        Self::ByHand,
        Self::InTests,
        Self::NotApplicable,
    ];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::ByHand => "by hand",
            Self::InTests => "in tests",
            Self::NotApplicable => "not applicable",
        })
    }
}

/// A passing observation, or the reason for another verdict.
pub(crate) type Seen = Result<String, Other>;

/// A verdict other than `pass`.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    verdict: Verdict,
    seen: String,
}

pub(crate) fn fail(seen: impl Into<String>) -> Other {
    Other::new(Verdict::Fail, seen)
}

pub(crate) fn by_hand(seen: impl Into<String>) -> Other {
    Other::new(Verdict::ByHand, seen)
}

pub(crate) fn not_applicable(seen: impl Into<String>) -> Other {
    Other::new(Verdict::NotApplicable, seen)
}

/// Proven by this test of this package.
pub(crate) fn in_tests(package: &str, test: &str) -> Other {
    Other::new(Verdict::InTests, format!("cargo test -p {package} {test}"))
}

impl Other {
    fn new(verdict: Verdict, seen: impl Into<String>) -> Self {
        Self {
            verdict,
            seen: seen.into(),
        }
    }

    /// The same verdict, with a prefix in its text.
    pub(crate) fn of(mut self, what: &str) -> Self {
        self.seen = format!("{what}: {}", self.seen);
        self
    }
}

#[derive(Default)]
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    pub(crate) fn add(&mut self, number: &'static str, item: &'static str, seen: Seen) {
        let (verdict, seen) = match seen {
            Ok(seen) => (Verdict::Pass, seen),
            Err(other) => (other.verdict, other.seen),
        };
        self.0.push(Row {
            number,
            item,
            verdict,
            seen,
        });
    }

    pub(crate) fn into_vec(self) -> Vec<Row> {
        self.0
    }
}
