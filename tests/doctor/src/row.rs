//! What is said of an item.

use std::fmt;

use serde::Serialize;

/// An item of the checklist, or a part of one.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Belvo's number, with a letter for a part; a letter alone for what Belvo does not list.
    pub number: &'static str,
    /// What is asked for.
    pub item: &'static str,
    /// Whether it is so.
    pub verdict: Verdict,
    /// What was seen, or what somebody has to look at.
    pub seen: String,
}

/// Whether an item is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was seen to be so.
    Pass,
    /// It was seen not to be so.
    Fail,
    /// Only a person can see it.
    ByHand,
    /// It is built in, and cannot be seen from outside: a test shows it.
    InTests,
    /// It does not concern this stack.
    NotApplicable,
}

impl Verdict {
    /// All of them, worst first.
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

/// What a check saw that is well, or why it cannot say so.
pub(crate) type Seen = Result<String, Other>;

/// Another verdict than `pass`.
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

/// Shown by this test of this crate.
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

    /// The same, said of something.
    pub(crate) fn of(mut self, what: &str) -> Self {
        self.seen = format!("{what}: {}", self.seen);
        self
    }
}

/// The rows so far.
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
