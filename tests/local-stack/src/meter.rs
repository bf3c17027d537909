//! What functions use of AWS: what a bill is made of.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

/// CloudWatch counts so many bytes more for each line.
const LINE: usize = 26;

/// How much of what was used so far, by whom and of which table, index, queue or secret.
pub type Used = BTreeMap<Use, u64>;

/// Something that is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The function.
    pub function: String,
    /// What.
    pub what: What,
    /// The table (`ResourceTable`), index (`ResourceTable/index/by_due`), queue or secret; empty
    /// for what a function uses by itself.
    pub of: String,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Halves of DynamoDB's read request units: an eventually consistent read costs half of one.
    HalfReadUnits,
    /// Halves of DynamoDB's write request units.
    HalfWriteUnits,
    /// Writes whose condition did not hold. DynamoDB bills them, and does not say how much: as the
    /// item that is there, one unit at least.
    RefusedWrites,
    /// Requests to SQS: a function's own, and those that Lambda makes to bring and delete jobs.
    QueueRequests,
    /// Secrets that were read.
    SecretReads,
    /// Calls of a function.
    Invocations,
    /// How long they took, on this machine.
    Milliseconds,
    /// Lines a function wrote.
    LogLines,
    /// Their bytes, as CloudWatch counts them.
    LogBytes,
}

/// Counts; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Used>>);

impl Meter {
    pub(crate) fn add(&self, function: &str, what: What, of: &str, amount: u64) {
        let (function, of) = (function.to_owned(), of.to_owned());
        let mut used = self.0.lock();
        *used.entry(Use { function, what, of }).or_default() += amount;
    }

    pub(crate) fn line(&self, function: &str, text: &str) {
        let bytes = u64::try_from(text.len().saturating_add(LINE)).unwrap_or(u64::MAX);
        self.add(function, What::LogLines, "", 1);
        self.add(function, What::LogBytes, "", bytes);
    }

    /// Everything so far.
    pub(crate) fn used(&self) -> Used {
        self.0.lock().clone()
    }
}
