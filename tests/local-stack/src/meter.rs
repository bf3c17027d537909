//! Meters the functions' use of AWS in billed units.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

/// CloudWatch adds this many bytes to each line.
const LINE: usize = 26;

/// Totals by function, unit and resource.
pub type Used = BTreeMap<Use, u64>;

/// A metered unit of a function and resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The function.
    pub function: String,
    /// The unit.
    pub what: What,
    /// The table (`LinkTable`), index (`LinkTable/index/by_due`), queue or secret; empty
    /// for the function's own use, such as its invocations.
    pub of: String,
}

/// The metered units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Halves of DynamoDB's read request units, because an eventually consistent read costs half of
    /// one.
    HalfReadUnits,
    /// Halves of DynamoDB's write request units.
    HalfWriteUnits,
    /// Writes whose condition failed. DynamoDB bills them by the size of the existing item, at
    /// least one unit, but does not report the units.
    RefusedWrites,
    /// Requests to SQS: a function's own, and those of Lambda that receive and delete jobs.
    QueueRequests,
    /// Reads of secrets.
    SecretReads,
    /// Invocations of a function.
    Invocations,
    /// Their duration on this machine.
    Milliseconds,
    /// Log lines of a function.
    LogLines,
    /// Their bytes, by CloudWatch's count.
    LogBytes,
}

/// The totals; clones share them.
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

    /// All totals so far.
    pub(crate) fn used(&self) -> Used {
        self.0.lock().clone()
    }
}
